"""The panel's files, and the link that signs a browser in."""

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path

from quart import Blueprint, Response, redirect, request
from quart.typing import ResponseTypes

from agent import plain
from agent.access.here import keep_session
from agent.access.service import AccessService
from agent.shared import web
from agent.shared.errors import Gone, NotFound, Unavailable

BUILT = Path(__file__).parent / "ui"
INDEX = "index.html"
FOR_EVER = "public, max-age=31536000, immutable"  # the name changes with the content
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
# Not the system's table: on Windows any installed program can change what .js is.
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".gif": "image/gif",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}


@dataclass(frozen=True, slots=True)
class StaticFile:
    content: bytes
    mime: str
    tag: str
    is_for_ever: bool


class Panel:
    """The built panel in memory. Only what was found in its folder has an address, so that no
    address can lead out of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, StaticFile] = {}
        self._built_at_ns = 0

    async def find(self, name: str) -> StaticFile | None:
        """The file, or the index for a name that is no file's; None if there is neither."""
        if not name or name not in self._files:
            await self._refresh()
        if found := self._files.get(name):
            return found
        return None if _is_file_name(name) else self._files.get(INDEX)

    async def _refresh(self) -> None:
        """A panel that was built while the agent runs is taken up."""
        try:
            built_at_ns = (self._folder / INDEX).stat().st_mtime_ns
        except OSError:
            self._files, self._built_at_ns = {}, 0
            return
        if built_at_ns != self._built_at_ns:
            self._files = await asyncio.to_thread(_read_all, self._folder)
            self._built_at_ns = built_at_ns


def routes(access: AccessService, *, port: int, folder: Path = BUILT) -> Blueprint:
    bp = Blueprint("pages", __name__)
    _panel(bp, Panel(folder))
    _ticket(bp, access, port)
    bp.after_app_request(_unknown_in_words)
    return bp


def _panel(bp: Blueprint, panel: Panel) -> None:
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
        return _sent(file) if file else plain.ui_missing()

    @bp.get("/ui/<path:name>")
    @web.public
    @web.gives_media(200, "*/*")
    async def show_panel_file(name: str) -> Response:
        """A file of the panel; the panel itself for a name without a dot."""
        if file := await panel.find(name):
            return _sent(file)
        if _is_file_name(name):
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


def _is_file_name(name: str) -> bool:
    return "." in name.rsplit("/", 1)[-1]


def _sent(file: StaticFile) -> Response:
    known = request.if_none_match.contains_weak(file.tag)
    response = Response(b"" if known else file.content, 304 if known else 200)
    response.headers["Content-Type"] = file.mime
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["Cache-Control"] = FOR_EVER if file.is_for_ever else "no-cache"
    response.set_etag(file.tag)
    return response


def _read_all(folder: Path) -> dict[str, StaticFile]:
    """Every file below the folder, by its address; none that is hidden, and none by a link."""
    found: dict[str, StaticFile] = {}
    waiting = [folder]
    while waiting:
        for path in waiting.pop().iterdir():
            if path.name.startswith(".") or path.is_symlink():
                continue
            if path.is_dir():
                waiting.append(path)
            elif path.suffix in TYPES:
                name = path.relative_to(folder).as_posix()
                found[name] = _file(path, is_for_ever=name.startswith("assets/"))
    return found


def _file(path: Path, *, is_for_ever: bool) -> StaticFile:
    content = path.read_bytes()
    tag = hashlib.sha256(content).hexdigest()[:32]
    return StaticFile(content, TYPES[path.suffix], tag, is_for_ever)
