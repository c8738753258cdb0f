"""A file in a request, handed on as it comes: never more of it in memory than a few blocks."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from quart import request
from werkzeug.exceptions import RequestTimeout
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

from agent.shared.bodies import HeldBody
from agent.shared.errors import Invalid, Malformed
from agent.slicer.files.failures import too_large

SILENCE_S = 60.0
FORM_BYTES = 4 << 20  # of what is looked at in one piece: headers, fields, a block of the file
FIELD_BYTES = 4096
PARTS = 32


@dataclass(slots=True)
class Incoming:
    """A file that is still coming. `fields` are those of the form that came before it; those
    behind it are there when `chunks` has ended."""

    name: str
    chunks: AsyncIterator[bytes]
    fields: dict[str, str] = field(default_factory=dict)


async def incoming_form(limit_bytes: int) -> Incoming:
    """The form of this request, read up to the file in it.

    Raises Malformed, Invalid `no-file`, TooLarge."""
    boundary = request.mimetype_params.get("boundary", "")
    if request.mimetype != "multipart/form-data" or not 0 < len(boundary) <= 200:
        raise Malformed("form-wanted", "Send the file as multipart/form-data, in a field `file`.")
    form = _Form(boundary.encode(errors="replace"), _body(limit_bytes + FORM_BYTES))
    name = await form.to_the_file()
    if name is None:
        raise Invalid("no-file", "The form has no file. Send it in a field called `file`.")
    return Incoming(name, form.file(), form.fields)


def incoming_bytes(name: str, limit_bytes: int) -> Incoming:
    """The body of this request as the file itself."""
    return Incoming(name, _body(limit_bytes))


async def _body(limit_bytes: int) -> AsyncIterator[bytes]:
    """Raises RequestTimeout when nothing comes any more, and TooLarge."""
    if not isinstance(request.body, HeldBody):
        raise TypeError("bodies of this app can be held")  # the app was made in another way
    request.body.limit_bytes = limit_bytes
    if (request.content_length or 0) > limit_bytes:
        raise too_large(limit_bytes)
    chunks = aiter(request.body)
    while True:
        try:
            async with asyncio.timeout(SILENCE_S):
                chunk = await anext(chunks, None)
        except TimeoutError:
            raise RequestTimeout from None
        if chunk is None:
            return
        yield chunk


class _Form:
    def __init__(self, boundary: bytes, body: AsyncIterator[bytes]) -> None:
        self._decoder = MultipartDecoder(boundary, FORM_BYTES, max_parts=PARTS)
        self._body = body
        self.fields: dict[str, str] = {}
        self._field: str | None = None
        self._value = b""

    async def to_the_file(self) -> str | None:
        """Its name, None if the form has none."""
        while True:
            match await self._event():
                case File(filename=name):
                    return name
                case Epilogue():
                    return None
                case event:
                    self._take(event)

    async def file(self) -> AsyncIterator[bytes]:
        """Its bytes; then what stands behind it is read, too."""
        is_file = True
        while True:
            match await self._event():
                case Data(data=data, more_data=more) if is_file:
                    is_file = more
                    if data:
                        yield data
                case File():
                    raise Invalid("one-file-only", "Send one file at a time.")
                case Epilogue():
                    return
                case event:
                    self._take(event)

    def _take(self, event: object) -> None:
        match event:
            case Field(name=name):
                self._field, self._value = name, b""
            case Data(data=data, more_data=more) if self._field is not None:
                self._value += data
                if len(self._value) > FIELD_BYTES:
                    raise Malformed("bad-form", f"The field {self._field[:50]} is too long.")
                if not more:
                    self.fields[self._field] = self._value.decode(errors="replace")
                    self._field = None

    async def _event(self) -> object:
        try:
            while isinstance(event := self._decoder.next_event(), NeedData):
                self._decoder.receive_data(await anext(self._body, None))
        except ValueError:
            raise Malformed("bad-form", "The form is damaged or was cut off.") from None
        return event
