"""What the failures of an OpenAI-shaped server mean to us, whoever wrote the server."""

import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urlsplit

import orjson

from agent.shared.errors import Invalid, NotFound, OrcaError, TimedOut, Unavailable

BUSY_RETRY_S = 2
QUOTE_LIMIT = 300
PATHS = re.compile(r"(?<![\w.:/])(?:[A-Za-z]:)?[\\/][\w.@+-]+[\\/][^\s:\"']*")
OF_PROXIES = {502, 504}


class Meaning(NamedTuple):
    statuses: tuple[int, ...]  # empty: any
    pattern: re.Pattern[str]
    kind: type[OrcaError]
    code: str
    sentence: str


def _meaning(
    statuses: tuple[int, ...], pattern: str, kind: type[OrcaError], code: str, sentence: str
) -> Meaning:
    return Meaning(statuses, re.compile(pattern, re.IGNORECASE), kind, code, sentence)


# The first that fits. Patterns look at the text, the type and the code of the error.
MEANINGS = (
    _meaning(
        (401, 403),
        "",
        Unavailable,
        "key-refused",
        "{place} refuses the key, or the key gives no right to {model}. Remove the server and add "
        "it with another key.",
    ),
    _meaning(
        (),
        r"insufficient_quota|exceeded your current quota|billing|payment required",
        Unavailable,
        "quota-used-up",
        "The account at {place} has nothing left to spend. {quote}",
    ),
    _meaning(
        (429, 503, 529),
        "",
        Unavailable,
        "backend-busy",
        "{place} has too many requests, or is still starting. Try again in a moment.",
    ),
    _meaning(
        (),
        r"context_length_exceeded|exceed_context_size|maximum context length|maximum model length"
        r"|exceeds? the (available )?context|context window|prompt is too long|input is too large",
        Invalid,
        "context-exceeded",
        "The conversation is longer than the context of {model}. Shorten it.",
    ),
    _meaning(
        (),
        r"model_not_found|model .*(does not exist|not found|is not available)|no such model"
        r"|unknown model|not a valid model",
        NotFound,
        "model-not-found",
        "{place} has no model called {model}. `orca-agent backends test` lists what it has.",
    ),
    _meaning(
        (),
        r"(image|vision|multimodal|mmproj).*(not support|unsupported|not provided|not a multimodal)"
        r"|not support.*(image|vision|multimodal)|image_url.*(invalid|not)|mmproj",
        Invalid,
        "no-vision",
        "{model} cannot see images. Choose a model with vision.",
    ),
    _meaning(
        (),
        r"(tools?|function call\w*|tool_choice)\W.*(not support|unsupported|requires?)"
        r"|not support.*(tools?|function call)|requires? --jinja",
        Invalid,
        "no-tools",
        "{model} cannot call tools. {quote}",
    ),
    _meaning(
        (),
        r"response_format|json_schema|json schema|failed to parse grammar",
        Invalid,
        "invalid-format",
        '{model} cannot follow this `format`. It is "json" or a JSON Schema object. {quote}',
    ),
    _meaning(
        (),
        r"reasoning_effort|reasoning\.effort|enable_thinking",
        Invalid,
        "invalid-think",
        "{model} does not know this way of thinking. {quote}",
    ),
)


class Failures:
    """Speaks of one server. Never repeats its key, even where the server does."""

    def __init__(self, url: str, *, key: str = "") -> None:
        self.place, self._key = urlsplit(url).netloc, key

    def from_answer(self, status: int, body: bytes, model: str) -> OrcaError:
        """The error that an answer with another status than 200 stands for."""
        if 300 <= status < 400:
            return self.garbled("redirects elsewhere")
        try:
            document = orjson.loads(body)
        except orjson.JSONDecodeError:
            document = None
        if isinstance(document, dict):
            return self.from_error(document.get("error", document), status, model)
        if status in OF_PROXIES:  # a page of the proxy before it
            return self.down(f"http://{self.place}")
        if status in {401, 403, 429, 503}:
            return self.from_error({}, status, model)
        return self.garbled(f"answered {status} without a reason")

    def from_error(self, error: object, status: int, model: str) -> OrcaError:
        """The error that an `error` member stands for; one in a stream has its own status."""
        told = error if isinstance(error, dict) else {"message": error}
        text = " ".join(_texts(told))
        for meaning in MEANINGS:
            if (not meaning.statuses or status in meaning.statuses) and meaning.pattern.search(
                text
            ):
                detail = meaning.sentence.format(
                    place=self.place, model=model, quote=self._quote(text)
                )
                return meaning.kind(
                    meaning.code, detail.strip(), model=model, **_extra(told, meaning)
                )
        if 400 <= status < 500:
            detail = f"{self.place} refused the request for {model}. {self._quote(text)}"
            return Invalid("backend-rejected", detail.strip(), model=model)
        detail = f"{self.place} failed on {model}. {self._quote(text)}"
        return Unavailable("backend-failed", detail.strip(), model=model)

    def no_model(self, model: str) -> OrcaError:
        """It is none of those that the server lists."""
        return NotFound(
            "model-not-found", f"{self.place} has no model called {model}.", model=model
        )

    def down(self, url: str) -> Unavailable:
        """Nobody listens, or who did hung up before a word."""
        return Unavailable(
            "backend-down", f"No model server answers at {url}. Start it, or correct its address."
        )

    def garbled(self, what: str) -> Unavailable:
        """Whoever answers is no OpenAI-shaped server. `what` it did, as a predicate."""
        return Unavailable(
            "backend-garbled",
            f"What answers at {self.place} {what}. See whether its address is that of an "
            "OpenAI-shaped API, which often ends with /v1.",
        )

    def incomplete(self, model: str) -> Unavailable:
        """The answer ended before its end."""
        return Unavailable(
            "answer-incomplete",
            f"The answer of {model} broke off before its end. Ask again.",
            model=model,
        )

    def filtered(self, model: str) -> Invalid:
        """The server's own filter cut the answer off."""
        return Invalid(
            "content-filtered",
            f"{self.place} cut the answer of {model} off, because of its own rules on content.",
            model=model,
        )

    def bad_call(self, model: str, tool: str) -> Unavailable:
        """The model wrote arguments that nobody can read."""
        return Unavailable(
            "bad-tool-call",
            f"{model} called {tool} with arguments that are no JSON object. Ask again.",
            model=model,
        )

    def too_slow(self, model: str, patience_s: float) -> TimedOut:
        """Not one byte within the first-byte patience."""
        return TimedOut(
            "backend-too-slow",
            f"{self.place} did not begin to answer for {model} within {patience_s:g} s.",
            model=model,
        )

    def stalled(self, model: str, patience_s: float) -> TimedOut:
        """The answer began and then paused for longer than the idle limit."""
        return TimedOut(
            "backend-stalled",
            f"{model} said nothing more for {patience_s:g} s, so the answer was ended. Ask again.",
            model=model,
        )

    def _quote(self, text: str) -> str:
        """The server's own words, short, on one line, without its paths and without the key."""
        if self._key:
            text = text.replace(self._key, "…")
        text = " ".join(PATHS.sub("…", text).split())
        if not text:
            return ""
        if len(text) > QUOTE_LIMIT:
            text = f"{text[:QUOTE_LIMIT]}…"
        return f"It says: {text if text.endswith(('.', '!', '…')) else text + '.'}"


def _texts(error: object) -> Iterator[str]:
    """What an error says. FastAPI's servers say it in `detail`, as a text or a list of these."""
    if not isinstance(error, dict):
        return
    for name in ("message", "detail", "msg", "type", "code"):
        told = error.get(name)
        if isinstance(told, str):
            yield told
        for part in told if isinstance(told, list) else [told]:
            yield from _texts(part)


def _extra(error: dict[str, object], meaning: Meaning) -> dict[str, object]:
    if meaning.code == "backend-busy":
        return {"retry_after_s": BUSY_RETRY_S}
    numbers = {"n_prompt_tokens": "prompt_tokens", "n_ctx": "num_ctx"}
    return {ours: error[theirs] for theirs, ours in numbers.items() if theirs in error}
