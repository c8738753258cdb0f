"""Takes out of a text what is nobody's business: secrets, names of people, files and machines."""

import re
from collections.abc import Iterable
from pathlib import Path

from agent.shared.redaction import redacted

Known = dict[str, list[tuple[str, frozenset[str]]]]  # names and their words, by the first one
LEAST_CHARACTERS = 3  # of a name; a shorter one would blank half of every sentence
MOST_CHARACTERS = 4000  # of a line
FILE_ENDINGS = (
    "gcode|gco|bgcode|3mf|stl|step|stp|obj|amf|png|jpe?g|webp|heic|gif|bmp|svg|pdf|zip|json|toml"
    "|txt|md|csv|pem|crt|cer|key|db|ini|cfg"
)
OWN_FILES = {
    *("agent.db", "agent.toml", "agent.json", "agent.log", "images.db", "secrets.json"),
    *("managed.toml", "ollama.json", "ollama.log", "manifest.json"),
}
# What a path goes on with, once it has begun: names in it have spaces, quotes and brackets, so it
# ends with a quote, a mark that closes, the reason behind ": ", or the line.
ON = r"(?:(?!: [^/\\]*$)(?:\([^()]*\)|\[[^\[\]]*\]|'(?=\w)|[^\"'>)\]}»”]))*"
PLACE = re.compile(
    r"(?P<url>\b(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+)://"
    r"(?P<host>(?:[^\s/\"'<>)\]@]*@)?(?:\[[\w:.%]+\])?[^\s/\"'<>)\]]*)[^\s\"'<>)\]]*)"
    r"|(?P<route>(?<![\w.~)\]])/(?:api/)?v1/[^\s\"'<>)\]]*)"
    rf"|(?P<known>\(data folder\)|(?<!\w)~(?!\d))(?:[/\\]{ON})?"
    rf"|(?P<path>\b[A-Za-z]:[\\/]{ON}|\\\\{ON}|(?<![\w.~])/(?=\S){ON})"
)
FILE = re.compile(
    rf"(?:[^\s\x00\"'<>,;:/\\]+[/\\])*[^\s\x00\"'<>,;:/\\]+\.(?:{FILE_ENDINGS})\b", re.IGNORECASE
)
QUOTED = re.compile(r"[\"“„«]([^\"”“»\n]{1,300})[\"”“»]")
QUOTED_ONCE = re.compile(r"(?<!\w)(?:'.{1,300}?'(?!\w)|[‘‚][^‘’]{1,300}[‘’])")
IPV4 = re.compile(r"(?<![\d.])(?!127\.)(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
IPV6 = re.compile(
    r"(?i)(?<![\w:.])(?!::1(?![\w:]))(?=[0-9a-f:]*[0-9a-f])"
    r"(?:(?=[0-9a-f:]*::)[0-9a-f:]{3,39}|(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}"
    r"|(?:[0-9a-f]{2}:){5}[0-9a-f]{2})(?:%\w+)?(?![\w:])"
)
HOST = re.compile(
    r"(?i)(?<![\w.-])(?!(?:localhost|ollama\.com)\b)"
    r"(?:[a-z][\w-]*:\d{4,5}|(?:[\w-]+\.)+[a-z][\w-]+:\d+|(?:[\w-]+\.)+(?:local|localdomain|lan"
    r"|home|internal|intranet|corp|box|arpa|com|net|org|info|biz|eu|de|at|ch|fr|nl|uk|us|io|dev"
    r"|cloud|app|me))(?![\w-])"
)
MAIL = re.compile(r"[\w.+-]+@[\w.-]*\w")
HERE = re.compile(r"(?i)^(?:127\.\d+\.\d+\.\d+|localhost|\[::1\])(?::\d+)?$")
WORD = re.compile(r"[^\W_]+")
PORT = re.compile(r":\d+$")
MARK = "\x00"  # no character of a line
KEPT = re.compile(MARK)


class Cleaner:
    """Knows the names that must not appear. What it leaves is meant to be read before it is sent
    all the same."""

    def __init__(
        self, *, home: Path, data_dir: Path, people: Iterable[str], names: Iterable[str]
    ) -> None:
        """`people`: users and computers; `names`: what the user called files, servers, printers."""
        self._folders = [
            (re.compile(rf"{re.escape(str(folder))}(?![\w-])"), word)
            for folder, word in ((data_dir, "(data folder)"), (home, "~"))
            if len(str(folder)) > LEAST_CHARACTERS
        ]
        self._names = [(_by_first_word(names), "(name)"), (_by_first_word(people), "(user)")]

    def cleaned(self, text: str) -> str:
        """`text` on one line, without them."""
        text = redacted(" ".join(text.replace(MARK, " ").split()))
        for look, word in self._folders:
            text = look.sub(word, text)
        for names, word in self._names:
            text = _without(names, word, text)
        text = text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…"
        text = QUOTED_ONCE.sub("'(text)'", QUOTED.sub('"(text)"', text))
        kept: list[str] = []  # addresses that stay as they are
        text = PLACE.sub(lambda found: _place(found, kept), text)
        text = FILE.sub(_file, MAIL.sub("(mail)", text))
        text = HOST.sub(_host, IPV6.sub("(address)", IPV4.sub("(address)", text)))
        return KEPT.sub(lambda _: kept.pop(0), text)


def trace_of(exception: str) -> str:
    """Of a stack: where in the program it was, and the kind of mistake, but not its text."""
    places = re.findall(r'File "[^"\n]*?(agent[/\\][\w/\\]+\.py)", line (\d+)', exception)
    kinds = re.findall(r"(?m)^([A-Za-z_][\w.]*)(?=:|$)", exception)
    at = " > ".join(f"{file}:{line}" for file, line in places[-4:])
    return " at ".join(part for part in (kinds[-1] if kinds else "", at) if part)


def _place(found: re.Match[str], kept: list[str]) -> str:
    if found["known"]:
        return found["known"]
    if not found["url"]:
        return "(path)"
    host = found["host"].rstrip(".,;:")
    rest = found["url"].removeprefix(f"{found['scheme']}://{host}")
    ending = rest if set(rest) <= set(".,;:") else ""
    port = PORT.search(host)
    shown = host if HERE.match(host) else f"(address){port[0] if port else ''}"
    kept.append(f"{found['scheme']}://{shown if host else '(path)'}{ending}")
    return MARK


def _host(found: re.Match[str]) -> str:
    port = PORT.search(found[0])
    return f"(address){port[0] if port else ''}"


def _file(found: re.Match[str]) -> str:
    return found[0] if found[0].lower() in OWN_FILES else "(file)"


def _by_first_word(names: Iterable[str]) -> Known:
    found: Known = {}
    for name in {name.strip() for name in names}:
        words = [one.casefold() for one in WORD.findall(name)]
        if words and len(name) >= LEAST_CHARACTERS:
            found.setdefault(words[0], []).append((name, frozenset(words)))
    return found


def _without(names: Known, word: str, text: str) -> str:
    """There may be thousands, of which a line has one: only those whose words stand in it are
    looked for."""
    words = {one.casefold() for one in WORD.findall(text)}
    here = [name for one in words for name, all_words in names.get(one, ()) if all_words <= words]
    if not here:
        return text
    either = "|".join(map(re.escape, sorted(here, key=len, reverse=True)))
    return re.sub(rf"(?<![^\W_])(?:{either})(?![^\W_])", word, text, flags=re.IGNORECASE)
