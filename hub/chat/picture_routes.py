"""Pictures of conversations over HTTP, as the agent has them."""

import asyncio
from typing import Annotated

from pydantic import Field
from quart import Blueprint, Response, request
from quart_schema import document_request

from agent.images.incoming import from_data_url
from agent.images.rules import LIMIT_BYTES
from agent.shared.errors import Invalid, TooLarge
from agent.shared.web import In, Out, body, gives, gives_media, json, read_bytes
from hub.access import caller, member
from hub.chat.pictures import PictureService

SCOPE = "conversations"
ENVELOPE_BYTES = 64 * 1024


class PictureIn(In):
    data_url: Annotated[str, Field(description="data:image/png;base64,...")]


class PictureOut(Out):
    """Of the picture as it is kept: shrunk, upright, without metadata."""

    sha256: str
    mime: str
    width: int
    height: int
    size_bytes: int


def routes(pictures: PictureService) -> Blueprint:
    bp = Blueprint("pictures", __name__, url_prefix="/api/v1/images")

    @bp.post("")
    @member(SCOPE)
    @document_request(PictureIn)
    @gives(PictureOut, 201)
    async def upload() -> Response:
        """Keep a picture: multipart field `file`, raw bytes, or JSON with a data URL."""
        return json(await pictures.keep(caller(), await _sent()), 201)

    @bp.get("/<sha256>")
    @member(SCOPE)
    @gives_media(200, "image/png", "image/jpeg")
    async def one(sha256: str) -> Response:
        """A picture of one's own, or of a conversation that one may read."""
        mime, data = await pictures.get(caller(), sha256)
        return Response(data, content_type=mime)

    return bp


async def _sent() -> bytes:
    most = LIMIT_BYTES * 4 // 3 + ENVELOPE_BYTES
    if (request.content_length or 0) > most:
        raise TooLarge("image-too-large", f"Pictures of up to {LIMIT_BYTES >> 20} MiB fit here.")
    if request.mimetype == "application/json":
        sent = await body(PictureIn, limit_bytes=most)
        return await asyncio.to_thread(from_data_url, sent.data_url)
    if request.mimetype == "multipart/form-data":
        file = (await request.files).get("file")
        if file is None:
            raise Invalid("no-file", "The form has no field called file.")
        return bytes(file.read())
    data = await read_bytes(limit_bytes=LIMIT_BYTES)
    if not data:
        raise Invalid("no-file", "The body is empty. Send a picture.")
    return data
