"""The panel's files, and the link that signs a browser in."""

from pathlib import Path

from quart import Blueprint, Response, redirect, request
from quart.typing import ResponseTypes

from agent import plain
from agent.access.here import keep_session
from agent.access.service import AccessService
from agent.shared import web
from agent.shared.built import BuiltPages, is_file_name, sent
from agent.shared.errors import Gone, NotFound, Unavailable

BUILT = Path(__file__).parent / "ui"
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)


def routes(access: AccessService, *, port: int, folder: Path = BUILT) -> Blueprint:
    bp = Blueprint("pages", __name__)
    _panel(bp, BuiltPages(folder))
    _ticket(bp, access, port)
    bp.after_app_request(_unknown_in_words)
    return bp


def _panel(bp: Blueprint, panel: BuiltPages) -> None:
    @bp.get("/")
    @web.signed_in
    @web.gives_media(303)
    async def show_home() -> ResponseTypes:
        """To the panel."""
        return redirect("/ui", 303)

    @bp.get("/ui", strict_slashes=False)
    @web.public
    @web.gives_media(200, "text/html")
    async def show_panel() -> Response:
        """The panel; it holds no data by itself."""
        file = await panel.find("")
        return sent(file, POLICY) if file else plain.ui_missing()

    @bp.get("/ui/<path:name>")
    @web.public
    @web.gives_media(200, "*/*")
    async def show_panel_file(name: str) -> Response:
        """A file of the panel; the panel itself for a name without a dot."""
        if file := await panel.find(name):
            return sent(file, POLICY)
        if is_file_name(name):
            raise NotFound("no-such-file", "The panel has no such file.")
        return plain.ui_missing()


def _ticket(bp: Blueprint, access: AccessService, port: int) -> None:
    @bp.get("/ui/ticket/<ticket>")
    @web.public
    @web.gives_media(303)
    @web.gives_media(410, "text/html")
    async def enter(ticket: str) -> ResponseTypes:
        """Signs the browser in, once, and leads it to the panel."""
        sent = request.headers
        early = sent.get("Sec-Purpose", "") + sent.get("Purpose", "")
        if request.method == "HEAD" or "prefetch" in early or "prerender" in early:
            raise Unavailable("not-yet", "A link is used by opening it, not by looking ahead.")
        try:
            _, secret = await access.redeem_ticket(ticket)
        except Gone:
            return plain.ticket_gone()
        response = redirect("/ui", 303)
        keep_session(response, secret, port)
        return response


async def _unknown_in_words(response: ResponseTypes) -> ResponseTypes:
    """A person who mistyped an address gets a way home; programs get the problem document."""
    is_unknown = response.status_code == 404 and request.url_rule is None
    return plain.unknown() if is_unknown and _is_opened_by_a_person() else response


def _is_opened_by_a_person() -> bool:
    sent = request.headers
    if request.method != "GET":
        return False
    if "Sec-Fetch-Mode" in sent:
        return sent["Sec-Fetch-Mode"] == "navigate" and sent.get("Sec-Fetch-Dest") == "document"
    return "text/html" in sent.get("Accept", "")
