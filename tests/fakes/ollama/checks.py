"""What Ollama checks in a request, in its order and its words."""

import base64
import binascii
import re

from .answer import RefusedError
from .catalogue import Model
from .gojson import BadJsonError, Json, go_type_error, read_json

MESSAGES = "[]api.Message"
CHAT = {
    "model": "string",
    "messages": MESSAGES,
    "stream": "*bool",
    "tools": "api.Tools",
    "options": "map[string]interface {}",
    "truncate": "*bool",
    "shift": "*bool",
    "logprobs": "bool",
    "top_logprobs": "int",
    "_debug_render_only": "bool",
} | {"tools": "[]api.Tool"}
GENERATE = {
    "model": "string",
    "prompt": "string",
    "suffix": "string",
    "system": "string",
    "template": "string",
    "context": "[]int",
    "stream": "*bool",
    "raw": "bool",
    "images": "[]api.ImageData",
    "options": "map[string]interface {}",
    "truncate": "*bool",
    "shift": "*bool",
    "logprobs": "bool",
    "top_logprobs": "int",
}
NAMED = {"model": "string", "name": "string", "stream": "*bool", "insecure": "bool"}
EMBED = {"model": "string", "dimensions": "int", "truncate": "*bool"}
STRUCTS = {
    "/api/chat": ("ChatRequest", CHAT),
    "/api/generate": ("GenerateRequest", GENERATE),
    "/api/show": ("ShowRequest", {"model": "string", "name": "string", "verbose": "bool"}),
    "/api/delete": ("DeleteRequest", NAMED),
    "/api/pull": ("PullRequest", NAMED),
    "/api/copy": ("CopyRequest", {"source": "string", "destination": "string"}),
    "/api/embed": ("EmbedRequest", EMBED),
    "/api/embeddings": ("EmbeddingRequest", {"model": "string", "prompt": "string"}),
}
FLOATS = (
    *("temperature", "top_p", "min_p", "typical_p"),
    *("repeat_penalty", "presence_penalty", "frequency_penalty"),
)
INTEGERS = (
    *("num_keep", "seed", "num_predict", "top_k", "repeat_last_n", "num_ctx", "num_batch"),
    *("num_gpu", "num_thread", "draft_num_predict"),
)
LEVELS = ("high", "medium", "low", "max")
UNITS = {"ns": 1, "us": 1_000, "µs": 1_000, "ms": 1_000_000, "s": 10**9, "m": 60 * 10**9}
UNITS |= {"h": 3600 * 10**9}


def parsed(path: str, body: bytes) -> dict[str, Json]:
    """The body as the route's struct would take it. Raises RefusedError 400 in Go's words."""
    if not body:
        raise RefusedError(400, "missing request body")
    try:
        value = read_json(body)
    except BadJsonError as err:
        raise RefusedError(400, str(err)) from err
    struct, fields = STRUCTS[path]
    if complaint := go_type_error(value, struct, fields):
        raise RefusedError(400, complaint)
    _unmarshalled(value)
    return dict(value)


def _unmarshalled(value: dict[str, Json]) -> None:
    """Fields with a decoder of their own complain while the body is read."""
    if value.get("keep_alive") is not None:
        nanoseconds(value["keep_alive"])
    think = value.get("think")
    if not (think is None or isinstance(think, bool) or think in LEVELS):
        levels = 'must be "high", "medium", "low", "max", true, or false'
        raise RefusedError(400, f'invalid think value: "{think}" ({levels})')
    for image in images(value):
        _check_base64(image)


def images(value: dict[str, Json]) -> list[str]:
    """Every image of a request, base64 as sent."""
    found = list(value.get("images") or [])
    for message in value.get("messages") or []:
        if isinstance(message, dict):
            found += message.get("images") or []
    return found


def _check_base64(image: str) -> None:
    bad = re.search(r"[^A-Za-z0-9+/=\r\n]", image)
    position = bad.start() if bad else None
    if position is None:
        try:
            base64.b64decode(image, validate=True)
        except binascii.Error:
            position = len(image) - len(image) % 4
    if position is not None:
        where = "Alias.images.0 of type api.ImageData"
        raise RefusedError(
            400,
            f"json: cannot unmarshal string into {where}: "
            f"illegal base64 data at input byte {position}",
        )


def nanoseconds(keep_alive: Json) -> int:
    """Seconds as a number or a Go duration as text; less than nothing is for ever."""
    if isinstance(keep_alive, int | float):
        return int(keep_alive * 10**9)
    parts = re.findall(r"(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)", str(keep_alive))
    sign = -1 if str(keep_alive).startswith("-") else 1
    if (
        "".join(number + unit for number, unit in parts) != str(keep_alive).lstrip("+-")
        or not parts
    ):
        if str(keep_alive) == "0":
            return 0
        raise RefusedError(400, f'time: invalid duration "{keep_alive}"')
    return sign * sum(int(float(number) * UNITS[unit]) for number, unit in parts)


def options(value: dict[str, Json]) -> dict[str, Json]:
    """The options that Ollama knows. Raises RefusedError 500 for a wrong type."""
    given = value.get("options") or {}
    for name, content in given.items():
        if name in FLOATS and not _is_number(content):
            raise RefusedError(500, f'option "{name}" must be of type float32')
        if name in INTEGERS and not _is_number(content):
            raise RefusedError(500, f'option "{name}" must be of type integer')
        if name == "stop" and not isinstance(content, list):
            raise RefusedError(500, f'option "{name}" must be of type array')
    return dict(given)


def _is_number(value: Json) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def check_name(name: str) -> None:
    """Raises RefusedError for a name that no model can have, or that means ollama.com."""
    if not re.fullmatch(r"(https?://)?[\w.:-]+(/[\w.-]+)*(:[\w.-]+)?", name):
        raise RefusedError(400, "invalid model name")
    if name.endswith(":cloud") or re.search(r":.*-cloud$", name):
        raise RefusedError(403, "ollama cloud is disabled: remote model is unavailable")


def check_abilities(model: Model, value: dict[str, Json], task: str) -> None:
    """Raises RefusedError 400 for what the model cannot do. `task`: chat or generate."""
    asked, full = value.get("model", ""), f"registry.ollama.ai/library/{model.name}"
    if "completion" not in model.capabilities:
        raise RefusedError(400, f'"{asked}" does not support {task}')
    if value.get("suffix") and "insert" not in model.capabilities:
        raise RefusedError(400, f"{full} does not support insert")
    if value.get("tools") and "tools" not in model.capabilities:
        raise RefusedError(400, f"{full} does not support tools")
    if value.get("think") and not model.thinks:
        raise RefusedError(400, f'"{asked}" does not support thinking')


def wrapped(message: str, kind: str = "invalid_request_error", **more: int) -> str:
    """An error of the engine, which Ollama passes on as text that is itself JSON."""
    numbers = "".join(f',"{name}":{number}' for name, number in more.items())
    return f'{{"error":{{"code":400,"message":"{message}","type":"{kind}"{numbers}}}}}'


def check_images(model: Model, value: dict[str, Json], *, in_stream: bool) -> None:
    """Raises RefusedError 400, double wrapped, for a blind model or a picture that is none."""
    given = images(value)
    if given and ("vision" not in model.capabilities or model.short_name == "fakevision"):
        text = "Multimodal data provided, but model does not support multimodal requests."
        raise RefusedError(400, wrapped(text), in_stream=in_stream)
    if not all(_is_picture(base64.b64decode(image)) for image in given):
        text = wrapped("Failed to load image or audio file")
        raise RefusedError(400, text, in_stream=in_stream)


def _is_picture(data: bytes) -> bool:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return b"IEND" in data[-12:]
    if data.startswith(b"\xff\xd8\xff"):
        return b"\xff\xd9" in data[-64:]
    return data.startswith((b"GIF8", b"BM")) or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")


def check_format(wanted: Json, *, in_stream: bool) -> None:
    """Raises RefusedError for a format that is neither "json" nor a schema the engine takes."""
    if wanted in (None, "", "json"):
        return
    if not isinstance(wanted, dict):
        shown = f'"\\"{wanted}\\""' if isinstance(wanted, str) else f'"{wanted}"'
        text = f'invalid format: {shown}; expected "json" or a valid JSON Schema object'
        raise RefusedError(500, text, in_stream=in_stream)
    known = ("object", "array", "string", "integer", "number", "boolean", "null")
    kind = wanted.get("type", "object")
    if isinstance(kind, str) and kind not in known:
        text = (
            "Field 'json_schema': \\\"json_schema\\\": JSON schema conversion failed:"
            f"\\nJSON schema error at #: unrecognized type {kind}"
        )
        raise RefusedError(400, wrapped(text), in_stream=in_stream)
