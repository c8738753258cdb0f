"""What the failures of a printer mean, whichever program it runs."""

import html
import re
from typing import NamedTuple

import orjson

from agent.shared.errors import (
    Conflict,
    Invalid,
    NoSpace,
    NotFound,
    OrcaError,
    TimedOut,
    TooLarge,
    Unavailable,
    UnsupportedMedia,
)

QUOTE_CHARACTERS = 200
READ_CHARACTERS = 4000  # of an answer, which may be megabytes of anything
PATHS = re.compile(r"(?<![\w.:/])(?:[A-Za-z]:)?[\\/][\w.@+-]+[\\/][^\s:\"']*")
# Whether the printer has what was sent is not known after these, and it may be asked again.
LOST_ANSWER = {"printer-silent", "printer-dropped", "printer-garbled", "printer-proxy"}
# These never reached it, or it said that it did nothing.
NOT_TAKEN = {"printer-unreachable", "printer-not-ready"}


class Meaning(NamedTuple):
    statuses: tuple[int, ...]
    kind: type[OrcaError]
    code: str
    sentence: str

    def error(self, name: str, status: int, said: str) -> OrcaError:
        return self.kind(self.code, f"{self.sentence.format(name=name, status=status)}{said}")


MEANINGS = (
    Meaning(
        (300, 301, 302, 303, 307, 308),
        Invalid,
        "printer-redirects",
        "{name} sends us to another address, which is not followed. Give the address that it "
        "leads to, often the same with https.",
    ),
    Meaning(
        (401, 403),
        Unavailable,
        "printer-key-refused",
        "{name} refuses the key, or wants one. Correct it; the key of a printer that is "
        "connected already is changed with `orca-agent printers key`.",
    ),
    Meaning((404,), NotFound, "not-on-printer", "{name} has no such file or address."),
    Meaning((400, 409), Conflict, "printer-refuses", "{name} refuses that now."),
    Meaning((413,), TooLarge, "printer-file-too-large", "The file is larger than {name} takes."),
    Meaning((415,), UnsupportedMedia, "printer-file-kind", "{name} takes no file of this kind."),
    Meaning((422,), Conflict, "printer-damaged-file", "The file arrived damaged at {name}."),
    Meaning((502, 504), Unavailable, "printer-proxy", "The web server of {name} cannot reach it."),
    Meaning((503,), Unavailable, "printer-not-ready", "{name} is not ready."),
    Meaning((507,), NoSpace, "printer-full", "The storage of {name} is full. Delete files there."),
)
OTHERWISE = Meaning((), Unavailable, "printer-failed", "{name} answered with status {status}.")


def unreachable(name: str, url: str) -> OrcaError:
    return Unavailable(
        "printer-unreachable", f"{name} does not answer at {url}. Is it switched on?"
    )


def silent(name: str, patience_s: float) -> OrcaError:
    return TimedOut("printer-silent", f"{name} did not answer within {patience_s:g} s.")


def dropped(name: str) -> OrcaError:
    return Unavailable("printer-dropped", f"{name} closed the connection before it answered.")


def wrong_answer(what: str) -> OrcaError:
    return Unavailable(
        "printer-garbled",
        f"{what} Is it the address of the printer, and the right kind of printer?",
    )


def refusal(name: str, status: int, text: str) -> OrcaError:
    """The error for an answer that is none of success. `text` is its body."""
    words = quoted(text)
    meaning = next((one for one in MEANINGS if status in one.statuses), OTHERWISE)
    stop = "" if words.endswith((".", "!", "?", "…")) else "."
    return meaning.error(name, status, f" It says: {words}{stop}" if words else "")


def quoted(text: str) -> str:
    """A printer's own words as one short line: no markup, no paths, no control characters."""
    text = _message(text)[:READ_CHARACTERS]
    text = re.sub(r"<(script|style)\b.*?</\1>|<[^>]*>", " ", text, flags=re.DOTALL | re.IGNORECASE)
    text = PATHS.sub("…", html.unescape(text))
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return f"{text[:QUOTE_CHARACTERS]}…" if len(text) > QUOTE_CHARACTERS else text


def _message(text: str) -> str:
    try:
        found = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    while isinstance(found, dict):
        found = found.get("error") or found.get("message") or found.get("text") or ""
    return str(found)
