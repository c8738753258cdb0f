"""A file in a request, handed on as it comes: never more of it in memory than a few blocks."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from quart import request
from werkzeug.exceptions import RequestTimeout
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData, State

from agent.shared.bodies import HeldBody
from agent.shared.errors import Invalid, Malformed
from agent.slicer.files.failures import too_large

SILENCE_S = 60.0
FORM_BYTES = 4 << 20  # of what is looked at in one piece: headers, fields, a block of the file
FIELD_BYTES = 4096
PARTS = 32
DECISIVE_BYTES = 4  # behind a boundary, to know whether it is one


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
    return await read_form(boundary.encode(errors="replace"), _body(limit_bytes + FORM_BYTES))


async def read_form(boundary: bytes, body: AsyncIterator[bytes]) -> Incoming:
    """A form up to the file in it. Raises Malformed, Invalid `no-file`."""
    form = _Form(boundary, body)
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
    try:
        while (chunk := await request.body.next_within(SILENCE_S)) is not None:
            yield chunk
    except TimeoutError:
        raise RequestTimeout from None


class _Form:
    def __init__(self, boundary: bytes, body: AsyncIterator[bytes]) -> None:
        self._decoder = MultipartDecoder(boundary, FORM_BYTES, max_parts=PARTS)
        self._body, self._boundary = body, b"\r\n--" + boundary
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
        is_file, rest = True, await self._behind_the_head()
        while True:
            if is_file:
                async for chunk in self._up_to_boundary(rest):
                    yield chunk
            match await self._event():
                case Data(data=data, more_data=more) if is_file:
                    is_file, rest = more, self._given_back() if more else b""
                    if data:
                        yield data
                case File():
                    raise Invalid("one-file-only", "Send one file at a time.")
                case Epilogue():
                    return
                case event:
                    self._take(event)

    async def _behind_the_head(self) -> bytes:
        """What the decoder has of the file already. From here on it sees boundaries alone: it
        copies every byte five times, and keeps a line break that a chunk ends in too early."""
        data = self._given_back()
        while len(data) < 2:
            data += await anext(self._body, b"--")
        self._decoder.state = State.DATA
        return data[2:] if data.startswith(b"\r\n") else data[1:]

    async def _up_to_boundary(self, data: bytes) -> AsyncIterator[bytes]:
        """What comes before a line that looks like a boundary; the decoder judges that line."""
        end, found = self._boundary, -1
        while (found := data.find(end)) < 0:
            # Up to where a boundary may begin that goes on in the next chunk.
            begins = data.find(b"\r", max(0, len(data) - len(end) + 1))
            begins = len(data) if begins < 0 else begins
            if begins:
                yield data[:begins]
            data = data[begins:]
            if (chunk := await anext(self._body, None)) is None:
                break
            data = data + chunk if data else chunk
        if found > 0:
            yield data[:found]
        data = data[max(0, found) :]
        while len(data) < len(end) + DECISIVE_BYTES:
            if (chunk := await anext(self._body, None)) is None:
                break
            data += chunk
        self._decoder.receive_data(data)

    def _given_back(self) -> bytes:
        data = bytes(self._decoder.buffer)
        self._decoder.buffer.clear()
        return data

    def _take(self, event: object) -> None:
        match event:
            case Field(name=name):
                self._field, self._value = name, b""
            case Data(data=data, more_data=more) if self._field is not None:
                self._value += data
                if len(self._value) > FIELD_BYTES:
                    raise Malformed("bad-form", f"The field {self._field[:50]} is too long.")
                if not more:
                    # The decoder leaves a line break behind where a chunk ended in it.
                    self.fields[self._field] = self._value.decode(errors="replace").strip()
                    self._field = None

    async def _event(self) -> object:
        try:
            while isinstance(event := self._decoder.next_event(), NeedData):
                self._decoder.receive_data(await anext(self._body, None))
        except ValueError:
            raise Malformed("bad-form", "The form is damaged or was cut off.") from None
        return event
