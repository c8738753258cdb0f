"""What becomes of use when it is old: the days of a month become one row, and then that goes."""

from datetime import datetime

from sqlalchemy import delete, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import locks
from hub.audit.partitions import drop_months, hold_months
from hub.limits.store import USAGE, WHOLE
from hub.months import oldest_kept

SUMS = ("requests", "failed", "prompt_tokens", "answer_tokens", "cost_micros", "milliseconds")
KEY = "account_id, model, provider"
# What is added up is what is removed, also where somebody adds to it at the same moment. Statements
# of ours alone: what they compare with is bound.
_ADDED = ", ".join(f"sum({name})" for name in SUMS)
_MORE = ", ".join(f"{name} = usage.{name} + excluded.{name}" for name in SUMS)
_SUM = f"""
    INSERT INTO usage (day, {KEY}, {", ".join(SUMS)})
    SELECT substr(day, 1, 7) || '-{WHOLE}', {KEY}, {_ADDED} FROM {{days}}
    GROUP BY substr(day, 1, 7), {KEY}
    ON CONFLICT (day, {KEY}) DO UPDATE SET {_MORE}
"""  # noqa: S608 - as above
_OLD = f"day < :before AND substr(day, 9) <> '{WHOLE}'"
ON_A_SERVER = text(
    f"WITH gone AS (DELETE FROM usage WHERE {_OLD} RETURNING *)"  # noqa: S608 - as above
    + _SUM.format(days="gone")
)
IN_A_FILE = (
    text(_SUM.format(days=f"usage WHERE {_OLD}")),
    text(f"DELETE FROM usage WHERE {_OLD}"),  # noqa: S608 - as above
)


async def roll_up(connection: AsyncConnection, months: int, now: datetime) -> list[str]:
    """Adds up the days of the months that are older than so many; says which."""
    before = oldest_kept(now, months)
    await locks.hold(connection, locks.USAGE)
    month = func.substr(USAGE.c.day, 1, 7)
    days = func.substr(USAGE.c.day, 9) != WHOLE
    query = select(month).where(USAGE.c.day < before, days).distinct().order_by(month)
    found = [str(row[0]) for row in await connection.execute(query)]
    is_server = connection.dialect.name == "postgresql"
    for statement in ((ON_A_SERVER,) if is_server else IN_A_FILE) if found else ():
        await connection.execute(statement, {"before": before})
    return found


async def forget_usage(
    connection: AsyncConnection, months: int, now: datetime
) -> dict[str, object]:
    """Removes what was used longer than so many whole months ago. Raises Unavailable as
    `drop_months`."""
    before = oldest_kept(now, months)
    old = USAGE.c.day < before
    await hold_months(connection)
    query = select(func.count()).select_from(USAGE).where(old)
    removed = int((await connection.execute(query)).scalar_one())
    dropped = await drop_months(connection, "usage", before)
    await connection.execute(delete(USAGE).where(old))
    return {"removed": removed, "dropped": dropped}
