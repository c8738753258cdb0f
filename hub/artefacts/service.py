"""What one can do with files of models: list, read, add, compare, download, delete."""

import asyncio
import io
import zipfile
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.clock import NewId
from agent.shared.cursors import cursor_of, read_cursor
from agent.shared.databases import Databases
from agent.shared.errors import Invalid, NotFound, TooLarge
from hub.access import Principal
from hub.artefacts.checking import Checker
from hub.artefacts.differing import Difference, difference
from hub.artefacts.fences import Found
from hub.artefacts.keeping import Keeper, Place
from hub.artefacts.paths import clean_path, language_of
from hub.artefacts.rules import MOST_IN_DOWNLOAD, MOST_IN_SET, Origin
from hub.artefacts.rules import state_of as state
from hub.artefacts.shapes import artefact_json, set_json, version_json
from hub.artefacts.store import Artefacts, Row, Sets
from hub.audit.service import AuditService

Json = dict[str, object]
LONGEST_ID = 36


@dataclass(frozen=True, slots=True)
class Given:
    """A file that a person hands in."""

    path: str
    content: str
    language: str = ""
    set_id: str | None = None
    title: str = ""


class ArtefactService:
    """For others than their owner files do not exist. Nothing of them is ever run."""

    def __init__(
        self,
        database: Databases,
        keeper: Keeper,
        checker: Checker,
        audit: AuditService,
        new_id: NewId,
    ) -> None:
        self._database, self._keeper, self._checker = database, keeper, checker
        self._audit, self._new_id = audit, new_id

    async def add(self, who: Principal, given: Given) -> Json:
        """Raises Invalid `bad-path`, NotFound, Conflict, TooLarge and NoSpace."""
        path = clean_path(given.path)
        if path is None:
            raise Invalid(
                "bad-path",
                "The path leads out of its folder, or is no name of a file.",
                errors=[{"field": "path", "detail": "Give a way below a folder: tools/flow.py."}],
            )
        file = Found(path, language_of(path, given.language), given.content)
        set_id = given.set_id or self._new_id()
        place = Place(who.account_id, set_id, given.title or path)
        if given.set_id:
            async with self._database.reading() as connection:
                await _set(connection, who, given.set_id)
        return await self._keep(who, place, file)

    async def add_version(self, who: Principal, artefact_id: str, content: str) -> Json:
        """The same content again is the version that is there. Raises as `add`."""
        async with self._database.reading() as connection:
            row = await _artefact(connection, who, artefact_id)
        file = Found(row["path"], row["language"], content)
        return await self._keep(who, Place(who.account_id, row["set_id"], ""), file)

    async def page(
        self, who: Principal, *, set_id: str | None, typed: str, cursor: str | None, limit: int
    ) -> tuple[list[Json], str | None]:
        """The latest first. Raises Malformed."""
        after = read_cursor(cursor, (str, str))
        async with self._database.reading() as connection:
            artefacts = Artefacts(connection)
            rows = await artefacts.page(
                who.account_id,
                set_id=set_id,
                typed=typed,
                after=(after[0], after[1]) if after else None,
                limit=limit + 1,
            )
            latest = await artefacts.latest(rows[:limit])
        items = [artefact_json(row, latest[row["id"]]) for row in rows[:limit]]
        return items, _cursor(rows, limit)

    async def sets(
        self, who: Principal, *, cursor: str | None, limit: int
    ) -> tuple[list[Json], str | None]:
        """The latest first. Raises Malformed."""
        after = read_cursor(cursor, (str, str))
        behind = (after[0], after[1]) if after else None
        async with self._database.reading() as connection:
            rows = await Sets(connection).page(who.account_id, behind, limit + 1)
        return [set_json(row) for row in rows[:limit]], _cursor(rows, limit)

    async def get(self, who: Principal, artefact_id: str, number: int | None) -> Json:
        """With the content of that version, None: of the latest. Raises NotFound."""
        row, version = await self._read(who, artefact_id, number)
        return artefact_json(row, version, whole=True)

    async def file(self, who: Principal, artefact_id: str, number: int | None) -> tuple[str, bytes]:
        """Path and content. Raises NotFound."""
        row, version = await self._read(who, artefact_id, number)
        return row["path"], version["content"].encode()

    async def versions(
        self, who: Principal, artefact_id: str, *, cursor: int | None, limit: int
    ) -> tuple[list[Json], int | None]:
        """The newest first. Raises NotFound."""
        async with self._database.reading() as connection:
            await _artefact(connection, who, artefact_id)
            rows = await Artefacts(connection).versions(artefact_id, cursor, limit)
        more = len(rows) == limit and rows[-1]["number"] > 1
        return [version_json(row) for row in rows], rows[-1]["number"] if more else None

    async def compare(
        self, who: Principal, artefact_id: str, first: int | None, second: int | None
    ) -> tuple[str, int, int, Difference]:
        """The path, the two numbers, and how they differ. Raises NotFound."""
        async with self._database.reading() as connection:
            row = await _artefact(connection, who, artefact_id)
            to = second or row["version"]
            since = first or max(to - 1, 1)
            old = await _version(connection, row, since)
            new = await _version(connection, row, to)
        differs = await asyncio.to_thread(
            difference, row["path"], (since, old["content"]), (to, new["content"])
        )
        return row["path"], since, to, differs

    async def archive(self, who: Principal, set_id: str) -> tuple[str, bytes]:
        """Title and a zip of the latest of each file. Raises NotFound and TooLarge."""
        async with self._database.reading() as connection:
            row = await _set(connection, who, set_id)
            artefacts = Artefacts(connection)
            files = await artefacts.of(set_id, MOST_IN_SET)
            if sum(file["size_bytes"] for file in files) > MOST_IN_DOWNLOAD:
                raise TooLarge(
                    "download-too-large",
                    f"These files take more than {MOST_IN_DOWNLOAD >> 20} MiB. Download them one "
                    "by one.",
                )
            contents = await artefacts.contents(set_id)
        return row["title"], await asyncio.to_thread(_zipped, contents)

    async def remove(self, who: Principal, artefact_id: str) -> None:
        """With all versions. Raises NotFound."""
        async with self._database.writing() as connection:
            row = await _artefact(connection, who, artefact_id)
            await Artefacts(connection).remove(artefact_id)
            await Sets(connection).remove_empty(row["set_id"])
            await self._audit.note(connection, "artefact.remove", row["path"])

    async def remove_set(self, who: Principal, set_id: str) -> None:
        """With all files. Raises NotFound."""
        async with self._database.writing() as connection:
            row = await Sets(connection).remove(set_id, who.account_id) if _fits(set_id) else None
            if row is None:
                raise _no_set()
            await self._audit.note(connection, "artefact-set.remove", row["title"])

    async def _keep(self, who: Principal, place: Place, file: Found) -> Json:
        (checked,) = await self._checker.check([(file.language, file.content)])
        async with self._database.writing() as connection:
            kept = await self._keeper.keep_one(
                connection,
                place,
                file,
                Origin("person"),
                state=state(checked.findings),
                findings=checked.findings or (),
            )
            if kept.is_new:
                await self._audit.note(
                    connection, "artefact.add", file.path, version=kept.artefact["version"]
                )
        return artefact_json(kept.artefact, kept.version)

    async def _read(self, who: Principal, artefact_id: str, number: int | None) -> tuple[Row, Row]:
        async with self._database.reading() as connection:
            row = await _artefact(connection, who, artefact_id)
            return row, await _version(connection, row, number or row["version"])


async def _artefact(connection: AsyncConnection, who: Principal, artefact_id: str) -> Row:
    found = Artefacts(connection).find(artefact_id, who.account_id) if _fits(artefact_id) else None
    row = await found if found else None
    if row is None:
        raise NotFound("no-such-artefact", "There is no file with this id.")
    return row


async def _version(connection: AsyncConnection, row: Row, number: int) -> Row:
    version = await Artefacts(connection).version(row["id"], number)
    if version is None:
        raise NotFound("no-such-version", f"{row['path']} has no version {number}.")
    return version


async def _set(connection: AsyncConnection, who: Principal, set_id: str) -> Row:
    row = await Sets(connection).find(set_id, who.account_id) if _fits(set_id) else None
    if row is None:
        raise _no_set()
    return row


def _no_set() -> NotFound:
    return NotFound("no-such-set", "There are no files of this id.")


def _fits(key: str) -> bool:
    """Whether it can be an id at all; else there is no need to ask the database."""
    return len(key) <= LONGEST_ID and "\0" not in key


def _cursor(rows: list[Row], limit: int) -> str | None:
    if len(rows) <= limit:
        return None
    return cursor_of(rows[limit - 1]["updated_at"], rows[limit - 1]["id"])


def _zipped(files: list[tuple[str, str]]) -> bytes:
    """Every time the same bytes for the same files."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for path, content in files:
            info = zipfile.ZipInfo(path)
            info.compress_type, info.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(info, content.encode())
    return out.getvalue()
