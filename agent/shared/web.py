"""How a route says what it takes, what it gives and who may call it.

@bp.post("/<model>/pin")
@needs("models")
@takes(PinIn)
@gives(PinOut, 201)
async def pin(model: str, asked: PinIn) -> ResponseReturnValue: ...
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Any, Literal, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from quart import Request, Response, g, request
from quart.wrappers.base import BaseRequestWebsocket
from quart.wrappers.request import Body
from quart_schema import document_querystring, document_request, document_response
from werkzeug.exceptions import RequestTimeout

from agent.shared.bodies import HeldBody
from agent.shared.errors import Denied, Invalid, Malformed, TooLarge, UnsupportedMedia
from agent.shared.exchanges import end_with_client

Scope = Literal["chat", "models", "slicer", "printhost", "admin"]
SCOPES: tuple[Scope, ...] = ("chat", "models", "slicer", "printhost", "admin")
SCOPE_ATTRIBUTE = "_orca_scope"
PUBLIC_ATTRIBUTE = "_orca_public"
COUNTED_ATTRIBUTE = "_orca_counted"
FAILURE_ATTRIBUTE = "_orca_failure"
TEXT_FAILURE_ATTRIBUTE = "_orca_text_failure"
ANY_SCOPE = "any"
MEDIA_ATTRIBUTE = "_orca_media"
JSON_MEDIA = "application/json"
JSON_BODY_BYTES = 8 * 1024 * 1024
PROJECT_HEADER, DEFAULT_PROJECT = "X-Project", "default"
PROJECT = re.compile(r"[A-Za-z0-9._-]{1,64}")
KEY_CHARACTERS = 200
NOT_THE_FORM = "This is not in the form that is wanted here."
WHOLE = "(body)"  # in the place of a field, where several do not go together
SENT_AT_ONCE_BYTES = 32 * 1024  # what the kernel takes in whether or not the client reads

M = TypeVar("M", bound=BaseModel)
Handler = Callable[..., Awaitable[Any]]  # Any: whatever Quart can send
H = TypeVar("H", bound=Handler)


class In(BaseModel):
    """What a client sends: a field that nobody knows is a mistake, not noise."""

    # What checks a shape is built when the first of it comes: at the start nobody waits for all.
    model_config = ConfigDict(extra="forbid", defer_build=True)


class Out(BaseModel):
    """What a client gets. Fields may be added in later versions, none taken away."""

    model_config = ConfigDict(defer_build=True)


def left_out() -> Any:  # Any: it stands where a value of the field's own type would
    """The default of a field that is absent when there is nothing to say, and never null.

    `field: str | SkipJsonSchema[None] = left_out()`"""

    def without_default(schema: dict[str, Any]) -> None:  # Any: JSON schema
        schema.pop("default", None)

    return Field(default=None, json_schema_extra=without_default)


class Page(In):
    """The query of every list."""

    cursor: str | None = None
    limit: int = 50


def needs(scope: Scope) -> Callable[[H], H]:
    """A token or session with this scope may call the route."""

    def mark(handler: H) -> H:
        setattr(handler, SCOPE_ATTRIBUTE, scope)
        return handler

    return mark


def signed_in(handler: H) -> H:
    """Every valid token or session may call the route, whatever its scopes."""
    setattr(handler, SCOPE_ATTRIBUTE, ANY_SCOPE)
    return handler


def public(handler: H) -> H:
    """Anyone who passes the wall may call the route. The list is closed (tests/house)."""
    setattr(handler, PUBLIC_ATTRIBUTE, True)
    return handler


def counted(handler: H) -> H:
    """Asks a model: the rate limit of the caller counts it (setting requests_per_minute)."""
    setattr(handler, COUNTED_ATTRIBUTE, True)
    return handler


def ends_with_client(handler: Handler) -> Handler:
    """Who asks has all the use of it, such as an answer of a model: it stops when they leave."""

    @wraps(handler)
    async def bound(**values: Any) -> Any:  # Any: path values in, a response out
        end_with_client()
        return await handler(**values)

    return bound


def fails_with(model: type[BaseModel]) -> Callable[[H], H]:
    """Documents the JSON of an error where that is no problem document."""

    def mark(handler: H) -> H:
        setattr(handler, FAILURE_ATTRIBUTE, model)
        return handler

    return mark


def fails_in_words(handler: H) -> H:
    """An error of the route is a sentence as plain text."""
    setattr(handler, TEXT_FAILURE_ATTRIBUTE, True)
    return handler


def gives(model: type[BaseModel], status: int = 200) -> Callable[[H], H]:
    """Documents the JSON answer."""
    return document_response(model, status)


def gives_media(status: int, *media_types: str) -> Callable[[H], H]:
    """Documents an answer that is not JSON."""

    def mark(handler: H) -> H:
        known: dict[int, tuple[str, ...]] = getattr(handler, MEDIA_ATTRIBUTE, {})
        setattr(handler, MEDIA_ATTRIBUTE, {**known, status: media_types})
        return handler

    return mark


def takes(model: type[M], *, limit_bytes: int = JSON_BODY_BYTES) -> Callable[[Handler], Handler]:
    """Reads the JSON body and hands it to the handler as `asked`."""

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        async def parsed(**values: Any) -> Any:  # Any: path values in, a response out
            return await handler(asked=await body(model, limit_bytes=limit_bytes), **values)

        return document_request(model)(parsed)

    return decorate


def asks(model: type[M]) -> Callable[[Handler], Handler]:
    """Reads the query string and hands it to the handler as `query`."""

    def decorate(handler: Handler) -> Handler:
        @wraps(handler)
        async def parsed(**values: Any) -> Any:  # Any: path values in, a response out
            return await handler(query=read(model, request.args.to_dict()), **values)

        return document_querystring(model)(parsed)

    return decorate


async def body(model: type[M], *, limit_bytes: int = JSON_BODY_BYTES) -> M:
    """The JSON body as `model`. Raises UnsupportedMedia, TooLarge, Malformed or Invalid."""
    return read(model, await read_json(limit_bytes=limit_bytes))


def has_body() -> bool:
    """Whether anything was sent: for routes that can do without."""
    return bool(request.content_length) or "Transfer-Encoding" in request.headers


def current() -> Request:
    """The request itself. Its proxy looks for it again at each word."""
    found: Request = request._get_current_object()  # type: ignore[attr-defined] # of a proxy
    return found


async def read_json(*, limit_bytes: int = JSON_BODY_BYTES) -> object:
    """The JSON body as it is. Raises UnsupportedMedia, TooLarge or Malformed."""
    sent = current()
    if sent.headers.get("Content-Type") != JSON_MEDIA and sent.mimetype != JSON_MEDIA:
        raise UnsupportedMedia(
            "json-wanted", "Send the body as JSON with Content-Type: application/json."
        )
    try:
        value: object = orjson.loads(await read_bytes(limit_bytes=limit_bytes))
    except orjson.JSONDecodeError as err:
        raise Malformed("bad-json", f"The body is not valid JSON: {err}.") from None
    return value


async def read_bytes(*, limit_bytes: int) -> bytes:
    """The body, never more of it than fits. Raises TooLarge."""
    sent = current()
    if isinstance(sent.body, HeldBody) and sent.body.is_here:
        return await _bounded(sent.body, limit_bytes)
    if (sent.content_length or 0) > limit_bytes:
        raise _too_large(limit_bytes)
    try:
        async with asyncio.timeout(sent.body_timeout):
            return await _bounded(sent.body, limit_bytes)
    except TimeoutError:
        raise RequestTimeout from None


async def _bounded(sent: Body, limit_bytes: int) -> bytes:
    body = bytearray()
    async for part in sent:
        body += part
        if len(body) > limit_bytes:
            raise _too_large(limit_bytes)
    return bytes(body)


def read(model: type[M], values: object) -> M:
    """`values` as `model`. Raises Invalid, which names each field that does not fit."""
    try:
        return model.model_validate(values)
    except ValidationError as err:
        errors = [
            {
                "field": ".".join(one for one in map(str, e["loc"]) if "[" not in one) or WHOLE,
                "detail": _in_words(model, e),
            }
            for e in err.errors(include_url=False)
        ]
        raise Invalid("invalid-fields", _sentence(errors[0]), errors=errors) from None


def _sentence(error: Mapping[str, str]) -> str:
    """What is wrong with a field; or with several together, which need no name."""
    detail = error["detail"].removesuffix(".")
    if error["field"] == WHOLE:
        return f"{detail[:1].upper()}{detail[1:]}."
    return f"{error['field']}: {detail}."


def _in_words(model: type[BaseModel], error: Mapping[str, Any]) -> str:
    """What does not fit: no regular expression, but what the field says of itself."""
    if error["type"] in ("model_type", "dict_type"):
        return "Input should be a JSON object"
    if error["type"] == "string_too_long":
        most, length = error["ctx"]["max_length"], len(error["input"])
        return f"At most {most:,} characters, and these are {length:,}"
    if error["type"] != "string_pattern_mismatch":
        return str(error["msg"]).removeprefix("Value error, ")
    known = model.model_fields.get(str(error["loc"][0])) if error["loc"] else None
    about = known.description if known else None
    return f"{NOT_THE_FORM} {about}" if about else NOT_THE_FORM


def json(value: Mapping[str, object], status: int = 200) -> Response:
    """A JSON answer of values that are plain already, with non-ASCII text left as it is."""
    body = orjson.dumps(value)
    response = Response(body, status, content_type="application/json")
    if len(body) <= SENT_AT_ONCE_BYTES:
        response.timeout = None  # which costs a task
    return response


def project_of(sent: BaseRequestWebsocket) -> str:
    """The project that a request belongs to. Raises Malformed if its name is none."""
    name = sent.headers.get(PROJECT_HEADER, DEFAULT_PROJECT)
    if PROJECT.fullmatch(name):
        return name
    raise Malformed(
        "bad-project",
        f"{PROJECT_HEADER} is a name of 1 to 64 letters, digits, dots, dashes or underscores.",
    )


def idempotency_key() -> str | None:
    """The header of that name. Raises Malformed."""
    key = current().headers.get("Idempotency-Key")
    if key is not None and not (0 < len(key) <= KEY_CHARACTERS and key.isascii()):
        raise Malformed(
            "bad-idempotency-key", f"Idempotency-Key is 1 to {KEY_CHARACTERS} ASCII characters."
        )
    return key


def asker() -> tuple[str, str]:
    """The id of who sends this request, empty for a stranger, and the project that it is for.

    Raises Malformed."""
    caller = g.get("caller")
    return caller.id if caller else "", project_of(current())


def demand(*scopes: Scope) -> None:
    """For routes that every caller may ask, about things that not everybody may see.

    Raises Denied unless the caller has one of these scopes."""
    caller = g.get("caller")
    if caller is not None and not any(caller.may(scope) for scope in scopes):
        raise Denied(
            "scope-missing",
            f"This needs a token with the scope {' or '.join(scopes)}.",
            scope=scopes[0],
        )


def _too_large(limit_bytes: int) -> TooLarge:
    return TooLarge(
        "body-too-large", f"The body is larger than the {limit_bytes >> 20} MiB that fit here."
    )
