"""Takes a backup in that comes from elsewhere: it has its name once every byte was checked."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from agent.keeping.folder import Backups
from agent.keeping.rules import ELSEWHERE, Manifest
from agent.keeping.unpacking import check, opened_backup
from agent.keeping.watching import Watch, watched
from agent.shared.clock import Clock, random_id
from agent.shared.disk import check_room, settle_file, settle_folder, unwritable
from agent.shared.errors import Invalid

MARGIN_BYTES = 32 << 20
CHECK_EVERY_BYTES = 64 << 20


async def take_in(backups: Backups, chunks: AsyncIterator[bytes], clock: Clock) -> str:
    """Its name. Raises Invalid, Conflict, NoSpace, Unavailable; nothing stays then."""
    draft = backups.draft(f"upload-{random_id()}")
    try:
        await asyncio.to_thread(_begin, backups, draft)
        if not await _written(draft, chunks):
            raise Invalid("no-file", "The body is empty. Send the backup as it is.")

        def work(watch: Watch) -> str:
            with opened_backup(draft) as (_, manifest):
                # What has no room here unpacked cannot be restored here: no need to read it all.
                check_room(backups.path, manifest.size_bytes, "The backup, unpacked,")
            return _keep(backups, draft, check(draft, watch), clock())

        return await watched(work)
    except OSError as err:
        raise unwritable(err, "The backup") from err
    finally:
        await asyncio.to_thread(draft.unlink, missing_ok=True)


def _begin(backups: Backups, draft: Path) -> None:
    backups.prepare()
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)


async def _written(draft: Path, chunks: AsyncIterator[bytes]) -> int:
    size = checked = 0
    with await asyncio.to_thread(_opened, draft) as out:
        async for chunk in chunks:
            await asyncio.to_thread(out.write, chunk)
            size += len(chunk)
            if size >= checked:
                await asyncio.to_thread(check_room, draft.parent, MARGIN_BYTES, "The backup")
                checked = size + CHECK_EVERY_BYTES
    return size


def _opened(draft: Path) -> BinaryIO:
    return draft.open("wb")


def _keep(backups: Backups, draft: Path, manifest: Manifest, now: datetime) -> str:
    """Under the name of the time when it was made, or of now where that cannot be a name."""
    made = datetime.fromisoformat(manifest.created_at)
    name = backups.new_name(made if made.year >= 1000 else now, ELSEWHERE)
    settle_file(draft)
    draft.replace(backups.path / name)
    settle_folder(backups.path)
    return name
