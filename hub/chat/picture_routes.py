"""Pictures of conversations over HTTP, as the agent has them."""

from quart import Blueprint, Response
from quart_schema import document_request

from agent.images.uploads import DataUrlIn, sent_picture
from agent.shared.web import Out, gives, gives_media, json
from hub.access import caller, member
from hub.chat.pictures import PictureService

SCOPE = "conversations"


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
    @document_request(DataUrlIn)
    @gives(PictureOut, 201)
    async def upload() -> Response:
        """Keep a picture: multipart field `file`, raw bytes, or JSON with a data URL."""
        return json(await pictures.keep(caller(), await sent_picture()), 201)

    @bp.get("/<sha256>")
    @member(SCOPE)
    @gives_media(200, "image/png", "image/jpeg")
    async def one(sha256: str) -> Response:
        """A picture of one's own, or of a conversation that one may read."""
        mime, data = await pictures.get(caller(), sha256)
        return Response(data, content_type=mime)

    return bp
