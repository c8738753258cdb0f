"""Artefacts over HTTP. A download is never shown by a browser: it is saved."""

from dataclasses import asdict
from pathlib import PurePosixPath
from urllib.parse import quote

from quart import Blueprint, Response

from agent.shared.web import asks, gives, gives_media, json, takes
from hub.access import caller, member
from hub.artefacts import shapes
from hub.artefacts.service import ArtefactService, Given
from hub.guard import no_content

SCOPE = "artefacts"


def routes(artefacts: ArtefactService) -> Blueprint:
    bp = Blueprint("artefacts", __name__, url_prefix="/api/v1/artefacts")

    @bp.get("")
    @member(SCOPE)
    @asks(shapes.ArtefactQuery)
    @gives(shapes.ArtefactsOut)
    async def list_artefacts(query: shapes.ArtefactQuery) -> Response:
        """One's own files, the latest first; `q` looks in their paths."""
        items, cursor = await artefacts.page(
            caller(), set_id=query.set_id, typed=query.q, cursor=query.cursor, limit=query.limit
        )
        return json({"items": items, "next_cursor": cursor})

    @bp.post("")
    @member(SCOPE)
    @takes(shapes.ArtefactIn)
    @gives(shapes.ArtefactOut, 201)
    async def add_artefact(asked: shapes.ArtefactIn) -> Response:
        """Keep a file, or the next version of one."""
        return json(await artefacts.add(caller(), Given(**asked.model_dump())), 201)

    @bp.get("/<artefact_id>")
    @member(SCOPE)
    @asks(shapes.VersionQuery)
    @gives(shapes.ArtefactOut)
    async def one_artefact(artefact_id: str, query: shapes.VersionQuery) -> Response:
        """One file with its content."""
        return json(await artefacts.get(caller(), artefact_id, query.version))

    @bp.delete("/<artefact_id>")
    @member(SCOPE)
    @gives_media(204)
    async def remove_artefact(artefact_id: str) -> Response:
        """Delete it with all its versions."""
        await artefacts.remove(caller(), artefact_id)
        return no_content()

    @bp.get("/<artefact_id>/versions")
    @member(SCOPE)
    @asks(shapes.VersionsQuery)
    @gives(shapes.VersionsOut)
    async def list_versions(artefact_id: str, query: shapes.VersionsQuery) -> Response:
        """The newest first."""
        items, cursor = await artefacts.versions(
            caller(), artefact_id, cursor=query.cursor, limit=query.limit
        )
        return json({"items": items, "next_cursor": cursor})

    @bp.post("/<artefact_id>/versions")
    @member(SCOPE)
    @takes(shapes.VersionIn)
    @gives(shapes.ArtefactOut, 201)
    async def add_version(artefact_id: str, asked: shapes.VersionIn) -> Response:
        """The next version; the same content again makes none."""
        return json(await artefacts.add_version(caller(), artefact_id, asked.content), 201)

    @bp.get("/<artefact_id>/diff")
    @member(SCOPE)
    @asks(shapes.DiffQuery)
    @gives(shapes.DiffOut)
    async def compare(artefact_id: str, query: shapes.DiffQuery) -> Response:
        """How two versions differ, as unified diff."""
        path, since, to, differs = await artefacts.compare(
            caller(), artefact_id, query.first, query.second
        )
        numbers = {"from_version": since, "to_version": to}
        return json({"path": path, **numbers, **asdict(differs)})

    @bp.get("/<artefact_id>/download")
    @member(SCOPE)
    @asks(shapes.VersionQuery)
    @gives_media(200, "application/octet-stream")
    async def download(artefact_id: str, query: shapes.VersionQuery) -> Response:
        """The file itself."""
        path, content = await artefacts.file(caller(), artefact_id, query.version)
        return _saved(PurePosixPath(path).name, content, "application/octet-stream")

    return bp


def set_routes(artefacts: ArtefactService) -> Blueprint:
    bp = Blueprint("artefact-sets", __name__, url_prefix="/api/v1/artefact-sets")

    @bp.get("")
    @member(SCOPE)
    @asks(shapes.SetQuery)
    @gives(shapes.SetsOut)
    async def list_sets(query: shapes.SetQuery) -> Response:
        """What was made together, the latest first."""
        items, cursor = await artefacts.sets(caller(), cursor=query.cursor, limit=query.limit)
        return json({"items": items, "next_cursor": cursor})

    @bp.delete("/<set_id>")
    @member(SCOPE)
    @gives_media(204)
    async def remove_set(set_id: str) -> Response:
        """Delete all files of it."""
        await artefacts.remove_set(caller(), set_id)
        return no_content()

    @bp.get("/<set_id>/download")
    @member(SCOPE)
    @gives_media(200, "application/zip")
    async def download_set(set_id: str) -> Response:
        """The latest of each file, as a zip."""
        title, content = await artefacts.archive(caller(), set_id)
        return _saved(f"{_name(title)}.zip", content, "application/zip")

    return bp


def _saved(name: str, content: bytes, media: str) -> Response:
    response = Response(content, content_type=media)
    plain = "".join(sign if sign.isascii() and sign not in '"\\' else "_" for sign in name)
    response.headers["Content-Disposition"] = (
        f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
    )
    return response


def _name(title: str) -> str:
    """A title as the name of a file."""
    words = "".join(sign if sign.isalnum() or sign in "-_" else " " for sign in title).split()
    return "-".join(words)[:60] or "files"
