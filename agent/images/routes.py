"""Pictures over HTTP."""

import asyncio
from dataclasses import asdict
from typing import Annotated

from pydantic import Field
from quart import Blueprint, Response, request
from quart_schema import document_request

from agent.images.rules import LIMIT_BYTES
from agent.images.service import Image, ImageService, from_data_url
from agent.shared.errors import Invalid, TooLarge
from agent.shared.web import In, Out, body, gives, gives_media, json, needs, read_bytes

ENVELOPE_BYTES = 64 * 1024


class DataUrlIn(In):
    data_url: Annotated[str, Field(description="data:image/png;base64,...")]


class ImageOut(Out):
    sha256: str
    mime: str
    width: int
    height: int
    size_bytes: int


class ImageTotals(Out):
    count: int
    size_bytes: int


def routes(images: ImageService) -> Blueprint:
    bp = Blueprint("images", __name__, url_prefix="/api/v1/images")

    @bp.post("")
    @needs("chat")
    @document_request(DataUrlIn)
    @gives(ImageOut, 201)
    async def upload() -> Response:
        """Keep a picture: multipart field `file`, raw bytes, or JSON with a data URL."""
        return json(_shown(await images.keep(await _sent())), 201)

    @bp.get("/stats")
    @needs("chat")
    @gives(ImageTotals)
    async def stats() -> Response:
        """How many pictures are kept, and their bytes."""
        count, size_bytes = await images.totals()
        return json({"count": count, "size_bytes": size_bytes})

    @bp.get("/<sha256>")
    @needs("chat")
    @gives_media(200, "image/png", "image/jpeg", "image/webp", "image/gif")
    async def one(sha256: str) -> Response:
        """The picture as it was sent."""
        image, data = await images.get(sha256)
        response = Response(data, content_type=image.mime)
        response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
        response.set_etag(sha256)
        return await response.make_conditional(request)

    return bp


def _shown(image: Image) -> dict[str, object]:
    return asdict(image)


async def _sent() -> bytes:
    if (request.content_length or 0) > LIMIT_BYTES * 4 // 3 + ENVELOPE_BYTES:
        raise TooLarge("image-too-large", f"Pictures of up to {LIMIT_BYTES >> 20} MiB fit here.")
    if request.mimetype == "application/json":
        sent = await body(DataUrlIn, limit_bytes=LIMIT_BYTES * 4 // 3 + ENVELOPE_BYTES)
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
