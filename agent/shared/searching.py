"""What someone typed into a search box, as the full-text indexes of the databases ask for it."""

MOST_WORDS = 16


def fts_query(text: str) -> str | None:
    """For SQLite: every word, the last one as a prefix.

    None if there is no word in it. Words are quoted, so that no typed sign is an operator; what
    is a word is left to the index, which knows the marks of every alphabet."""
    words = _words(text)
    if not words:
        return None
    quoted = ['"{}"'.format(word.replace('"', '""')) for word in words]
    return " ".join(quoted) + "*"


def ts_query(text: str) -> str | None:
    """The same for to_tsquery of PostgreSQL."""
    words = _words(text)
    if not words:
        return None
    quoted = ["'{}'".format(word.replace("\\", "\\\\").replace("'", "''")) for word in words]
    return " & ".join(quoted) + ":*"


def _words(text: str) -> list[str]:
    words = text.replace("\0", " ").split()
    return [word for word in words if any(map(str.isalnum, word))][:MOST_WORDS]
