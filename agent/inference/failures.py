"""What a model server's failures mean to us: one table from its words to our codes."""

import re
from typing import NamedTuple

import orjson

from agent.shared.errors import Invalid, NotFound, OrcaError, TimedOut, Unavailable

BUSY_RETRY_S = 2
QUOTE_LIMIT = 300
WORDLESS = {401: "unauthorized", 429: "server busy", 503: "server busy"}


class Meaning(NamedTuple):
    pattern: re.Pattern[str]
    kind: type[OrcaError]
    code: str
    sentence: str


def _meaning(pattern: str, kind: type[OrcaError], code: str, sentence: str) -> Meaning:
    return Meaning(re.compile(pattern, re.IGNORECASE), kind, code, sentence)


MEANINGS = (
    _meaning(
        r"^model .*not found|not found, try pulling",
        NotFound,
        "model-not-found",
        "Ollama has no model called {model}. Get it with: ollama pull {model}",
    ),
    _meaning(
        r"does not support thinking",
        Invalid,
        "no-thinking",
        "{model} cannot think aloud. Turn thinking off or choose another model.",
    ),
    _meaning(
        r"invalid think value",
        Invalid,
        "invalid-think",
        "`think` is true, false, low, medium, high or max.",
    ),
    _meaning(
        r"does not support tools",
        Invalid,
        "no-tools",
        "{model} cannot call tools. Choose a model with the capability `tools`.",
    ),
    _meaning(
        r"does not support (multimodal|image|vision)|missing data required for image",
        Invalid,
        "no-vision",
        "{model} cannot see images. Choose a model with vision, such as qwen3-vl.",
    ),
    _meaning(
        r"does not support (chat|generate|completion)|image generation models are not",
        Invalid,
        "no-chat",
        "{model} cannot answer questions. Choose a model with the capability `completion`.",
    ),
    _meaning(
        r"does not support embeddings?|--embeddings",
        Invalid,
        "no-embedding",
        "{model} makes no embeddings. Choose a model with the capability `embedding`.",
    ),
    _meaning(
        r"failed to load image|illegal base64|failed to (decode|process) image",
        Invalid,
        "bad-image",
        "{model} could not read an image. Send it as PNG or JPEG.",
    ),
    _meaning(
        r"exceed_context_size|exceeds the (available )?context",
        Invalid,
        "context-exceeded",
        "The conversation is longer than the context of {model}. Shorten it or raise num_ctx.",
    ),
    _meaning(
        r"invalid format|schema conversion failed|json_schema",
        Invalid,
        "invalid-format",
        '{model} cannot follow this `format`. It is "json" or a JSON Schema object.',
    ),
    _meaning(
        r"^option \"|top_logprobs must|invalid duration",
        Invalid,
        "invalid-options",
        "Ollama refused an option for {model}. {quote}",
    ),
    _meaning(
        r"invalid model name|model is required",
        Invalid,
        "invalid-model-name",
        "That is no name a model can have.",
    ),
    _meaning(
        r"server busy|maximum pending requests|too many requests|overloaded",
        Unavailable,
        "ollama-busy",
        "Ollama has too many requests waiting. Try again in a moment.",
    ),
    _meaning(
        r"cloud is disabled",
        Unavailable,
        "cloud-disabled",
        "{model} runs in Ollama's cloud, which is turned off here. Choose a local model.",
    ),
    _meaning(
        r"unauthorized|signin|sign in",
        Unavailable,
        "signin-needed",
        "{model} runs in Ollama's cloud. Sign in with `ollama signin` or choose a local model.",
    ),
    _meaning(
        r"more system memory|out of memory|cudamalloc|insufficient (memory|vram)"
        r"|unable to allocate",
        Unavailable,
        "model-load-failed",
        "There is not enough memory for {model}. Choose a smaller model or a smaller num_ctx. "
        "{quote}",
    ),
    _meaning(
        r"error loading model|unable to load|failed to load model|incompatible with your version"
        r"|timed out waiting for|model failed to load|ollama pull",
        Unavailable,
        "model-load-failed",
        "Ollama could not load {model}. Update Ollama or get the model again with: "
        "ollama pull {model}. {quote}",
    ),
    _meaning(
        r"while running the model|unexpected eof|runner .*(terminated|died|no longer)"
        r"|signal: |exit status|connection (reset|refused)",
        Unavailable,
        "model-crashed",
        "{model} crashed while it answered. Ollama starts it again with the next question.",
    ),
)


UNREACHABLE = {"ollama-down", "backend-down"}
BUSY = {"ollama-busy", "backend-busy"}
OF_THE_MODEL = {
    *("model-crashed", "model-load-failed", "signin-needed", "cloud-disabled"),
    *("bad-tool-call", "team-quota"),
    *("ollama-failed", "backend-failed"),  # whatever it was, it came with an answer
}


def is_unreachable(err: OrcaError) -> bool:
    """Whether nobody took the request, so that it can be sent again."""
    return err.code in UNREACHABLE


def can_be_retried(err: OrcaError) -> bool:
    """Whether the same server may well answer the same request in a moment."""
    return err.code in UNREACHABLE | BUSY


def is_silence(err: OrcaError) -> bool:
    """Whether a model said nothing for longer than one should wait."""
    return err.code in {"ollama-stalled", "ollama-too-slow"}


def is_of_the_model(err: OrcaError) -> bool:
    """Whether the server is well and does what it can: one model fails, or all places are taken."""
    return err.code in OF_THE_MODEL | BUSY


def is_backends_fault(err: OrcaError) -> bool:
    """Whether another server may do better; a bad request is bad everywhere."""
    return isinstance(err, (Unavailable, TimedOut))


def from_text(status: int, error: object, model: str) -> OrcaError:
    """The error that an `error` member of an answer stands for, at any HTTP status."""
    text, extra = _unwrapped(error)
    for meaning in MEANINGS:
        if meaning.pattern.search(text):
            detail = meaning.sentence.format(model=model, quote=quoted(text)).strip()
            if meaning.code == "ollama-busy":
                extra = {**extra, "retry_after_s": BUSY_RETRY_S}
            return meaning.kind(meaning.code, detail, model=model, **extra)
    if 400 <= status < 500:
        detail = f"Ollama refused the request for {model}. {quoted(text)}"
        return Invalid("ollama-rejected", detail.strip(), model=model)
    detail = f"Ollama failed on {model}. {quoted(text)}"
    return Unavailable("ollama-failed", detail.strip(), model=model)


def from_answer(status: int, body: bytes, model: str) -> OrcaError:
    """The error that an answer with another status than 200 stands for."""
    if status == 403 and not body.strip():
        return Unavailable(
            "ollama-refused-us",
            "Ollama refuses requests from here. Add this address to OLLAMA_ORIGINS, or give it a "
            "host name that Ollama takes: localhost, an IP address or NAME.local.",
        )
    if 300 <= status < 400:
        return garbled("redirects elsewhere")
    if (error := _error_member(body)) is not None:
        return from_text(status, error, model)
    if text := WORDLESS.get(status):
        return from_text(status, text, model)
    return garbled(f"answered {status} without a reason")


def down(url: str) -> Unavailable:
    """Nobody listens, or who did hung up before a word."""
    return Unavailable(
        "ollama-down", f"Ollama does not answer at {url}. Start it, or correct its address."
    )


def garbled(what: str) -> Unavailable:
    """Whoever answers does not speak Ollama's protocol. `what` it did, as a predicate."""
    return Unavailable(
        "ollama-garbled",
        f"What answers at Ollama's address {what}. See whether Ollama is what runs there.",
    )


def incomplete(model: str) -> Unavailable:
    """The answer ended before its end."""
    return Unavailable(
        "answer-incomplete",
        f"The answer of {model} broke off before its end. Ask again.",
        model=model,
    )


def too_slow(model: str, patience_s: float) -> TimedOut:
    """Not one byte within the first-byte patience."""
    return TimedOut(
        "ollama-too-slow",
        f"{model} did not begin to answer within {patience_s:g} s. It may be too large for this "
        "machine: try a smaller model.",
        model=model,
    )


def stalled(model: str, patience_s: float) -> TimedOut:
    """The answer began and then paused for longer than the idle limit."""
    return TimedOut(
        "ollama-stalled",
        f"{model} said nothing more for {patience_s:g} s, so the answer was ended. Ask again, or "
        "restart Ollama if it happens often.",
        model=model,
    )


def _error_member(body: bytes) -> object | None:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return document.get("error") if isinstance(document, dict) else None


def _unwrapped(error: object) -> tuple[str, dict[str, object]]:
    """The innermost text of an error that may be JSON inside a JSON string, with its numbers."""
    extra: dict[str, object] = {}
    for _ in range(4):
        if isinstance(error, str) and error.lstrip().startswith("{"):
            try:
                error = orjson.loads(error)
            except orjson.JSONDecodeError:
                break
        if not isinstance(error, dict):
            break
        numbers = {"n_prompt_tokens": "prompt_tokens", "n_ctx": "num_ctx"}
        extra |= {ours: error[theirs] for theirs, ours in numbers.items() if theirs in error}
        error = error.get("error", error.get("message", ""))
    return (error if isinstance(error, str) else ""), extra


def quoted(text: str) -> str:
    """The server's own words, short, on one line, without the paths of its machine."""
    text = " ".join(re.sub(r"(?:[A-Za-z]:)?[\\/][\w.@+-]+[\\/][^\s:\"']*", "…", text).split())
    if not text:
        return ""
    if len(text) > QUOTE_LIMIT:
        text = f"{text[:QUOTE_LIMIT]}…"
    return f"Ollama says: {text if text.endswith(('.', '!', '…')) else text + '.'}"
