"""Takes out of a text what is nobody's business: secrets, names of people, files and machines."""

import re
from collections.abc import Iterable
from pathlib import Path

from agent.shared.redaction import redacted

LEAST_CHARACTERS = 3  # of a name; a shorter one would blank half of every sentence
FILE_ENDINGS = (
    "gcode|gco|bgcode|3mf|stl|step|stp|obj|amf|png|jpe?g|webp|heic|gif|bmp|svg|pdf|zip|json|toml"
    "|txt|md|csv|pem|crt|cer|key|db|ini|cfg"
)
OWN_FILES = {
    *("agent.db", "agent.toml", "agent.json", "agent.log", "images.db", "secrets.json"),
    *("managed.toml", "ollama.json", "ollama.log", "manifest.json"),
}
URL = re.compile(r"(?i)\b(https?)://([^\s/\"'<>)\]]+)([^\s\"'<>)\]]*)")
WINDOWS_PATH = re.compile(r"\b[A-Za-z]:\\[^\s\"'<>|,;]+|\\\\[^\s\"'<>|,;]+")
POSIX_PATH = re.compile(r"(?<![\w.~:/\]])/(?:[^\s/\"'<>,;]+/)*[^\s/\"'<>,;]+")
FILE = re.compile(rf"[^\s\"'<>,;:/\\]+\.(?:{FILE_ENDINGS})\b", re.IGNORECASE)
QUOTED = re.compile(r"[\"“„«]([^\"”“»\n]{1,300})[\"”“»]")
IPV4 = re.compile(r"(?<![\d.])(?!127\.)(?:\d{1,3}\.){3}\d{1,3}(?![\d.])")
MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
HERE = re.compile(r"(?i)^(?:127\.\d+\.\d+\.\d+|localhost|\[::1\])(?::\d+)?$")
PORT = re.compile(r":\d+$")


class Cleaner:
    """Knows the names that must not appear. What it leaves is meant to be read before it is sent
    all the same."""

    def __init__(
        self, *, home: Path, data_dir: Path, people: Iterable[str], names: Iterable[str]
    ) -> None:
        """`people`: users and computers; `names`: what the user called files, servers, printers."""
        self._folders = [(str(data_dir), "(data folder)"), (str(home), "~")]
        self._names = [
            *((_whole(name), "(name)") for name in _longest_first(names)),
            *((_whole(name), "(user)") for name in _longest_first(people)),
        ]

    def cleaned(self, text: str) -> str:
        """`text` on one line, without them."""
        text = redacted(" ".join(text.split()))
        for folder, word in self._folders:
            if len(folder) > LEAST_CHARACTERS:
                text = text.replace(folder, word)
        for look, word in self._names:
            text = look.sub(word, text)
        text = URL.sub(_address, MAIL.sub("(mail)", text))
        text = WINDOWS_PATH.sub("(path)", text)
        text = re.sub(r"(\(data folder\)|~)[/\\][^\s\"'<>,;]*", r"\1", text)
        text = POSIX_PATH.sub("(path)", text)
        text = FILE.sub(_file, text)
        return IPV4.sub("(address)", QUOTED.sub('"(text)"', text))


def trace_of(exception: str) -> str:
    """Of a stack: where in the program it was, and the kind of mistake, but not its text."""
    places = re.findall(r'File "[^"\n]*?(agent[/\\][\w/\\]+\.py)", line (\d+)', exception)
    kinds = re.findall(r"(?m)^([A-Za-z_][\w.]*)(?=:|$)", exception)
    at = " > ".join(f"{file}:{line}" for file, line in places[-4:])
    return " at ".join(part for part in (kinds[-1] if kinds else "", at) if part)


def _address(found: re.Match[str]) -> str:
    scheme, host = found[1], found[2].rstrip(".,;:")
    rest = found[0].removeprefix(f"{found[1]}://{host}")
    ending = rest if set(rest) <= set(".,;:") else ""
    if HERE.match(host):
        return f"{scheme}://{host}{ending}"
    port = PORT.search(host)
    return f"{scheme}://(address){port[0] if port else ''}{ending}"


def _file(found: re.Match[str]) -> str:
    return found[0] if found[0].lower() in OWN_FILES else "(file)"


def _longest_first(names: Iterable[str]) -> list[str]:
    known = {name.strip() for name in names}
    return sorted((name for name in known if len(name) >= LEAST_CHARACTERS), key=len, reverse=True)


def _whole(name: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.IGNORECASE)
