"""Pictures of conversations: taken in, shrunk, handed out, and gone with what showed them."""

import base64
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.images.rules import HASH, mime_of
from agent.shared.clock import Clock, rfc3339
from agent.shared.databases import Databases
from agent.shared.errors import Invalid, NoSpace, NotFound
from hub.access import Principal
from hub.audit.service import AuditService
from hub.chat.picture_store import Pictures, Row
from hub.chat.store import grow

MOST_PICTURES = 500  # of one person
MOST_BYTES = 128 << 20
GRACE = timedelta(days=1)  # between sending a picture and asking about it
Shrunk = Callable[[bytes], Awaitable[tuple[bytes, int, int]]]


class PictureService:
    """What is kept is what models see: upright, shrunk, and without anything but its pixels."""

    def __init__(
        self, database: Databases, audit: AuditService, clock: Clock, shrunk: Shrunk
    ) -> None:
        self._database, self._audit, self._clock = database, audit, clock
        self._shrunk = shrunk

    async def keep(self, who: Principal, data: bytes) -> dict[str, object]:
        """Raises UnsupportedMedia, Invalid, TooLarge, Unavailable, and NoSpace `pictures-full`."""
        small, width, height = await self._shrunk(data)
        shown: dict[str, object] = {
            "sha256": hashlib.sha256(small).hexdigest(),
            "mime": mime_of(small) or "image/jpeg",
            "width": width,
            "height": height,
            "size_bytes": len(small),
        }
        row = {
            **shown,
            "account_id": who.account_id,
            "base64": base64.b64encode(small).decode(),
            "used_at": rfc3339(self._clock()),
        }
        async with self._database.writing() as connection:
            await grow(connection, who.account_id, 0)  # one at a time, so that the bound holds
            pictures = Pictures(connection)
            if str(shown["sha256"]) not in await pictures.several(
                who.account_id, [str(shown["sha256"])]
            ):
                _check_room(*await pictures.totals(who.account_id), len(small))
                await self._audit.note(
                    connection, "picture.add", str(shown["sha256"]), size_bytes=len(small)
                )
            await pictures.put(row)
        return shown

    async def get(self, who: Principal, sha256: str) -> tuple[str, bytes]:
        """Type and bytes. Raises NotFound."""
        row = None
        if HASH.fullmatch(sha256):
            async with self._database.reading() as connection:
                row = await Pictures(connection).readable(who.account_id, sha256)
        if row is None:
            raise NotFound("no-such-image", "There is no picture with this hash. Upload it first.")
        return row["mime"], base64.b64decode(row["base64"])

    async def several(self, account_id: str, hashes: Sequence[str]) -> dict[str, Row]:
        """With their `base64`; those that are gone are left out."""
        if not hashes:
            return {}
        async with self._database.reading() as connection:
            return await Pictures(connection).several(account_id, hashes)

    async def show(
        self, connection: AsyncConnection, account_id: str, message_id: str, hashes: Sequence[str]
    ) -> None:
        """From now on they live as long as this message. Raises Invalid `no-such-image`."""
        if not hashes:
            return
        pictures = Pictures(connection)
        there = await pictures.use(account_id, hashes, rfc3339(self._clock()))
        if absent := [one for one in hashes if one not in there]:
            raise Invalid("no-such-image", f"Upload these pictures first: {', '.join(absent)}.")
        await pictures.show(message_id, account_id, hashes)

    async def tidy(self) -> None:
        """What no message shows any more goes after a day."""
        async with self._database.writing() as connection:
            await Pictures(connection).forget(rfc3339(self._clock() - GRACE))


def data_url(row: Row) -> str:
    return f"data:{row['mime']};base64,{row['base64']}"


def _check_room(count: int, used: int, more: int) -> None:
    if count >= MOST_PICTURES or used + more > MOST_BYTES:
        raise NoSpace(
            "pictures-full",
            f"You may keep {MOST_PICTURES} pictures and {MOST_BYTES >> 20} MiB of them. Delete "
            "conversations that show some.",
        )
