"""Files are kept: as new ones, or as the next version of those that are there."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.clock import Clock, NewId, rfc3339
from agent.shared.errors import Conflict, Invalid, NoSpace, NotFound, OrcaError, TooLarge
from hub.artefacts.fences import Found
from hub.artefacts.paths import clashes, key_of
from hub.artefacts.rules import MOST_BYTES, MOST_IN_SET, Origin, facts_of
from hub.artefacts.store import Artefacts, Row, Sets


@dataclass(frozen=True, slots=True)
class Place:
    """The set that files belong to: made by the first of them."""

    account_id: str
    set_id: str
    title: str
    conversation_id: str | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """`is_new`: of the same content there was no version yet."""

    artefact: Row
    version: Row
    is_new: bool


class Keeper:
    """Writes in the caller's transaction, which nobody else's in the same set overlaps."""

    def __init__(self, clock: Clock, new_id: NewId, *, most_mib: int) -> None:
        self._clock, self._new_id, self._most_bytes = clock, new_id, most_mib << 20

    async def keep(
        self, connection: AsyncConnection, place: Place, files: Sequence[Found], origin: Origin
    ) -> tuple[list[Kept], OrcaError | None]:
        """As many as can be kept, and why the others were not."""
        kept: list[Kept] = []
        refused: OrcaError | None = None
        for file in files:
            try:
                kept.append(await self.keep_one(connection, place, file, origin))
            except OrcaError as err:
                refused = err
        return kept, refused

    async def keep_one(
        self,
        connection: AsyncConnection,
        place: Place,
        file: Found,
        origin: Origin,
        *,
        state: str = "waiting",
        findings: Sequence[object] = (),
    ) -> Kept:
        """Raises TooLarge, NoSpace, Conflict, NotFound for a set of somebody else, and Invalid."""
        content = file.content.replace("\0", "\ufffd")
        size_bytes, sha256 = facts_of(content)
        if size_bytes > MOST_BYTES:
            raise TooLarge("file-too-large", f"{file.path} is larger than {MOST_BYTES >> 20} MiB.")
        now = rfc3339(self._clock())
        await self._open(connection, place, now)
        artefacts = Artefacts(connection)
        row = await artefacts.at(place.set_id, key_of(file.path))
        if row is not None and row["sha256"] == sha256:
            return Kept(row, await _version(artefacts, row), is_new=False)
        await self._check_room(artefacts, place, size_bytes)
        values = {"size_bytes": size_bytes, "sha256": sha256, "updated_at": now}
        if row is None:
            row = await self._added(artefacts, place, file, {**values, "created_at": now})
        else:
            row = {**row, **values, "version": row["version"] + 1, "language": file.language}
            changed = ("version", "language", *values)
            await artefacts.change(row["id"], {name: row[name] for name in changed})
        version = _values(row, file, content, origin)
        checked = {"check_state": state, "check_findings": list(findings), "created_at": now}
        await artefacts.add_version({**version, **checked})
        return Kept(row, await _version(artefacts, row), is_new=True)

    async def _open(self, connection: AsyncConnection, place: Place, now: str) -> None:
        opened = await Sets(connection).put(
            {
                "id": place.set_id,
                "account_id": place.account_id,
                "title": place.title.replace("\0", "")[:300],
                "conversation_id": place.conversation_id,
                "created_at": now,
                "updated_at": now,
            }
        )
        if opened is None:
            raise NotFound("no-such-set", "There are no files of this id.")

    async def _check_room(self, artefacts: Artefacts, place: Place, size_bytes: int) -> None:
        used = await artefacts.size_bytes(place.account_id)
        if used + size_bytes > self._most_bytes:
            raise NoSpace(
                "artefacts-full",
                f"Your files take {used >> 20} MiB of the {self._most_bytes >> 20} MiB that you "
                "may keep. Delete some.",
            )

    async def _added(self, artefacts: Artefacts, place: Place, file: Found, values: Row) -> Row:
        others = [one["path"] for one in await artefacts.of(place.set_id, MOST_IN_SET)]
        if len(others) >= MOST_IN_SET:
            raise Invalid("set-full", f"There are {MOST_IN_SET} files here already.")
        if clashes(file.path, others):
            raise Conflict("path-clash", f"{file.path} would be a file and a folder.")
        row: Row = {
            **values,
            "id": self._new_id(),
            "set_id": place.set_id,
            "account_id": place.account_id,
            "path": file.path,
            "path_key": key_of(file.path),
            "language": file.language,
            "version": 1,
        }
        await artefacts.add(row)
        return row


def _values(row: Row, file: Found, content: str, origin: Origin) -> Row:
    """Of the newest version of a file."""
    return {
        "artefact_id": row["id"],
        "number": row["version"],
        "account_id": row["account_id"],
        "content": content,
        "size_bytes": row["size_bytes"],
        "sha256": row["sha256"],
        "made_by": origin.made_by,
        "model": origin.model,
        "run_id": origin.run_id,
        "message_id": origin.message_id,
        "is_whole": file.is_whole,
        "refused_path": file.refused_path,
    }


async def _version(artefacts: Artefacts, row: Row) -> Row:
    return (await artefacts.latest([row]))[row["id"]]
