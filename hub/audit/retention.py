"""Takes off the log's beginning when its months are over, so that the rest is still checkable."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.clock import rfc3339
from hub.audit.partitions import drop_months, hold_months
from hub.audit.rules import CUT, Cut
from hub.audit.service import AuditService
from hub.audit.store import Audits
from hub.months import oldest_kept

NAME = "retention"


async def cut_off(
    connection: AsyncConnection, audit: AuditService, months: int, now: datetime
) -> dict[str, object]:
    """Removes the entries that are older than so many whole months, in the caller's transaction:
    what says where the log begins is kept, and noted, with it or not at all. Nobody appends
    meanwhile. Raises Unavailable as `drop_months`."""
    before, audits = oldest_kept(now, months), Audits(connection)
    await hold_months(connection)
    await audits.hold()
    last = await audits.last_before(before)
    if last is None:
        return {"removed": 0}
    entry, digest = last
    cut = Cut(entry.number, entry.at, digest, rfc3339(now))
    removed = await audits.count_to(cut.number)
    await audits.add_cut(cut)
    newer = f"number > {cut.number:d}"
    dropped = await drop_months(connection, "audit", before, but=newer)
    await audits.remove_to(cut)
    await audit.note(
        connection,
        CUT,
        cut.at[:10],
        actor_name=NAME,
        number=cut.number,
        at=cut.at,
        digest=cut.digest,
        removed=removed,
    )
    return {"removed": removed, "up_to": cut.number, "dropped": dropped}
