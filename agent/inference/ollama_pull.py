"""What Ollama tells of a download, line by line."""

import re
from dataclasses import dataclass

import orjson

from agent.inference.failures import Meaning, garbled, quoted
from agent.shared.errors import Denied, NoSpace, NotFound, OrcaError, Unavailable

LONGEST_LINE = 1 << 20
SUCCESS = "success"


def _meaning(pattern: str, kind: type[OrcaError], code: str, sentence: str) -> Meaning:
    return Meaning(re.compile(pattern, re.IGNORECASE), kind, code, sentence)


MEANINGS = (
    _meaning(
        r"no space left|not enough space|disk quota",
        NoSpace,
        "disk-full",
        "The disk that holds Ollama's models is full. Free some space and pull {model} again: it "
        "goes on from there.",
    ),
    _meaning(
        r"requires a newer version",
        Unavailable,
        "ollama-too-old",
        "{model} needs a newer Ollama: update it.",
    ),
    _meaning(
        r"dial tcp|no such host|connection (refused|reset)|i/o timeout|network is unreachable"
        r"|context deadline exceeded|tls: |proxyconnect|max retries exceeded|unexpected eof",
        Unavailable,
        "registry-unreachable",
        "Ollama cannot reach the place that {model} comes from. See whether its computer is "
        "online; a proxy is set with HTTPS_PROXY. {quote}",
    ),
    _meaning(
        r"file does not exist|not found",
        NotFound,
        "no-such-model",
        "There is no model called {model} to be pulled. ollama.com/library has the names.",
    ),
    _meaning(
        r"unauthorized|forbidden|denied|\b40[13]\b",
        Denied,
        "registry-refused",
        "The place that {model} comes from does not give it away. {quote}",
    ),
    _meaning(
        r"digest mismatch",
        Unavailable,
        "download-corrupt",
        "{model} arrived damaged. Pull it again.",
    ),
)


@dataclass(frozen=True, slots=True)
class PullFrame:
    """One line. `digest` names the layer that is being fetched, empty between layers; the sizes
    are that layer's, 0 where not yet known."""

    status: str
    digest: str = ""
    total: int = 0
    completed: int = 0


class PullReader:
    """Bytes in, frames out. `has_succeeded` is true once the last line said so."""

    def __init__(self, model: str) -> None:
        self._model, self._rest = model, b""
        self.has_succeeded = False

    def feed(self, chunk: bytes) -> list[PullFrame]:
        """The frames of whole lines. Raises what an error line stands for."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            raise garbled("sent a line without end")
        return [self._frame(line) for line in lines if line.strip()]

    def _frame(self, line: bytes) -> PullFrame:
        try:
            document = orjson.loads(line)
        except orjson.JSONDecodeError as err:
            raise garbled("sent something else than JSON") from err
        if not isinstance(document, dict):
            raise garbled("sent JSON of another shape than Ollama's")
        if error := document.get("error"):
            raise pull_failure(str(error), self._model)
        status = str(document.get("status") or "")
        self.has_succeeded |= status == SUCCESS
        return PullFrame(
            status[:100],
            str(document.get("digest") or "")[:100],
            _count(document.get("total")),
            _count(document.get("completed")),
        )


def pull_failure(text: str, model: str) -> OrcaError:
    """The error that Ollama's words about a download stand for."""
    quote = quoted(text.rpartition('": ')[2])  # behind the address that Go tells first
    for meaning in MEANINGS:
        if meaning.pattern.search(text):
            detail = meaning.sentence.format(model=model, quote=quote).strip()
            return meaning.kind(meaning.code, detail, model=model)
    detail = f"Ollama could not pull {model}. {quote}".strip()
    return Unavailable("pull-failed", detail, model=model)


def broken_off(model: str) -> Unavailable:
    """The stream ended before its end."""
    return Unavailable(
        "pull-incomplete",
        f"The download of {model} broke off. Pull it again: it goes on from there.",
        model=model,
    )


def silent(model: str, patience_s: float) -> Unavailable:
    """Nothing came for too long."""
    return Unavailable(
        "pull-stalled",
        f"Ollama said nothing more about {model} for {patience_s:g} s. Pull it again: it goes on "
        "from there.",
        model=model,
    )


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0
