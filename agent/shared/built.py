"""Serving what was built of ui/web."""

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path

from quart import Response, request

FOR_EVER = "public, max-age=31536000, immutable"  # the name changes with the content
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


class BuiltPages:
    """What was built of ui/web, in memory. Only what was found in its folder has an address, so
    that no address can lead out of it."""

    def __init__(self, folder: Path, index: str = "index.html") -> None:
        self._folder, self._index = folder, index
        self._files: dict[str, StaticFile] = {}
        self._built_at_ns = 0

    async def find(self, name: str) -> StaticFile | None:
        """The file, or the index for a name that is no file's; None if there is neither."""
        if not name or name not in self._files:
            await self._refresh()
        if found := self._files.get(name):
            return found
        return None if is_file_name(name) else self._files.get(self._index)

    async def _refresh(self) -> None:
        """Pages that were built while the program runs are taken up."""
        try:
            built_at_ns = (self._folder / self._index).stat().st_mtime_ns
        except OSError:
            self._files, self._built_at_ns = {}, 0
            return
        if built_at_ns != self._built_at_ns:
            self._files = await asyncio.to_thread(_read_all, self._folder)
            self._built_at_ns = built_at_ns


def is_file_name(name: str) -> bool:
    """Whether a name is one of a file, and not of a place in the pages."""
    return "." in name.rsplit("/", 1)[-1]


def sent(file: StaticFile, policy: str) -> Response:
    """The file, or that the browser has it already."""
    known = request.if_none_match.contains_weak(file.tag)
    response = Response(b"" if known else file.content, 304 if known else 200)
    response.headers["Content-Type"] = file.mime
    response.headers["Content-Security-Policy"] = policy
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
