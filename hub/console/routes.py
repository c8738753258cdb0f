"""The console's files. Every address of a place in it gives the same page; it holds no data."""

from pathlib import Path

from quart import Blueprint, Response

from agent.shared.built import BuiltPages, is_file_name, sent
from agent.shared.errors import NotFound
from agent.shared.plain import page
from agent.shared.web import gives_media
from hub.access import public
from hub.guard import POLICY

BUILT = Path(__file__).parents[1] / "pages"
INDEX = "console.html"
# What the page reads of the address itself: the link of the first Administrator, that of somebody
# who chooses another password, the code of a machine without a browser, the machine that asks to
# be let in, and how signing in elsewhere went.
PLACES = ("first", "reset", "device", "connect", "sign-in")


def routes(folder: Path = BUILT) -> Blueprint:
    bp = Blueprint("console", __name__)
    pages = BuiltPages(folder, INDEX)

    @bp.get("/")
    @public
    @gives_media(200, "text/html")
    async def show_console() -> Response:
        """The console; it holds no data by itself."""
        return await _shown(pages)

    @bp.get("/<any(" + ", ".join(f'"{name}"' for name in PLACES) + "):place>")
    @public
    @gives_media(200, "text/html")
    async def show_place(place: str) -> Response:
        """The console, at what it reads of the address."""
        return await _shown(pages)

    @bp.get("/<name>")
    @public
    @gives_media(200, "*/*")
    async def show_file(name: str) -> Response:
        """A file that lies beside the console."""
        return await _file(pages, name)

    @bp.get("/assets/<path:name>")
    @public
    @gives_media(200, "*/*")
    async def show_asset(name: str) -> Response:
        """A file of the console; its name changes with its content."""
        return await _file(pages, f"assets/{name}")

    return bp


async def _shown(pages: BuiltPages) -> Response:
    file = await pages.find("")
    return sent(file, POLICY) if file else _not_built()


async def _file(pages: BuiltPages, name: str) -> Response:
    file = await pages.find(name) if is_file_name(name) else None
    if file is None:
        raise NotFound("no-such-file", "The console has no such file.")
    return sent(file, POLICY)


def _not_built() -> Response:
    return page(
        "The console is not built yet",
        "<p>The hub runs. Its pages are made from TypeScript, which wants Node.js 20.19 or newer "
        "on the computer that builds them. Install Node.js, then run <code>make setup</code> in "
        "the folder of Orca Agents, and load this page again.</p>",
    )
