"""Pictures over HTTP."""

from dataclasses import asdict
from typing import Annotated, Literal

from pydantic import Field
from quart import Blueprint, Response, request
from quart_schema import document_request

from agent.images.rules import LIMIT_EDGE
from agent.images.service import Image, ImageService
from agent.images.uploads import DataUrlIn, sent_picture
from agent.shared.web import In, Out, asks, gives, gives_media, json, needs


class ImageOut(Out):
    sha256: str
    mime: str
    width: int
    height: int
    size_bytes: int


class VariantIn(In):
    max_edge: Annotated[
        int | None, Field(ge=1, le=LIMIT_EDGE, description="Pixels of the longer edge, at most.")
    ] = None
    format: Annotated[
        Literal["jpeg", "png", "webp"] | None,
        Field(description="Without it the format stays; GIF becomes PNG and HEIC becomes JPEG."),
    ] = None


class ImageStatsOut(Out):
    """Since the start, but for what is kept now: originals, variants and their bytes."""

    count: int
    size_bytes: int
    variants: int
    variant_bytes: int
    cache_limit_bytes: int
    hits: int
    misses: int
    evictions: int
    decoded: int
    refused: int
    saved_bytes: int


def routes(images: ImageService) -> Blueprint:
    bp = Blueprint("images", __name__, url_prefix="/api/v1/images")

    @bp.post("")
    @needs("chat")
    @document_request(DataUrlIn)
    @gives(ImageOut, 201)
    async def upload() -> Response:
        """Keep a picture: multipart field `file`, raw bytes, or JSON with a data URL."""
        return json(_shown(await images.keep(await sent_picture())), 201)

    @bp.get("/stats")
    @needs("chat")
    @gives(ImageStatsOut)
    async def stats() -> Response:
        """How many pictures are kept, their bytes, and what the cache of shrunk ones did."""
        return json(asdict(await images.stats()))

    @bp.get("/<sha256>")
    @needs("chat")
    @asks(VariantIn)
    @gives_media(200, "image/png", "image/jpeg", "image/webp", "image/gif", "image/heic")
    async def one(sha256: str, query: VariantIn) -> Response:
        """The picture as it was sent; or shrunk, upright and without metadata."""
        if query.max_edge is None and query.format is None:
            image, data = await images.get(sha256)
            return await _told(data, image.mime, sha256)
        edge = query.max_edge or LIMIT_EDGE
        variant = await images.variant(sha256, max_edge=edge, format=query.format)
        tag = f"{sha256}-{edge}-{query.format or 'same'}"
        return await _told(variant.data, variant.mime, tag)

    return bp


async def _told(data: bytes, mime: str, tag: str) -> Response:
    response = Response(data, content_type=mime)
    response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    response.set_etag(tag)
    return await response.make_conditional(request)


def _shown(image: Image) -> dict[str, object]:
    return asdict(image)
