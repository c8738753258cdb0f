"""The tables of batches: what is asked, and what has come of it so far."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Integer,
    LargeBinary,
    String,
    func,
    insert,
    select,
    update,
)
from sqlalchemy import text as sql
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.inference.batch_rules import Counts, Finished, Item, Status
from agent.shared.statements import Row
from agent.shared.tables import table

GONE = """
DELETE FROM batch WHERE run_id IN (
  SELECT id FROM run WHERE ended_at < :before AND kind = 'batch'
  AND id IN (SELECT run_id FROM batch) LIMIT :limit
) RETURNING run_id
"""


BATCH = table(
    "batch",
    run_id=Column(String, primary_key=True),
    use=Column(String),
    project=Column(String),
    client=Column(String),
    concurrency=Column(Integer),
    in_order=Column(Boolean),
    total=Column(Integer),
    images=Column(JSON),
)

# `request` is there until there is an answer; `finished` counts in the order of that.
ITEM = table(
    "batch_item",
    run_id=Column(String, primary_key=True),
    number=Column(Integer, primary_key=True),
    id=Column(String),
    status=Column(String),
    finished=Column(Integer),
    request=Column(LargeBinary),
    answer=Column(LargeBinary),
    problem=Column(LargeBinary),
)


@dataclass(frozen=True, slots=True)
class Batch:
    """How a batch is done; `images` are the pictures that its items show."""

    run_id: str
    use: str
    project: str
    client: str
    concurrency: int
    in_order: bool
    total: int
    images: Sequence[str]


class Batches:
    """Every query on the tables of batches. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, batch: Batch, items: Iterable[Item]) -> None:
        await self._connection.execute(insert(BATCH), asdict(batch))
        values = [
            {"run_id": batch.run_id, "number": number, **asdict(item)}
            for number, item in enumerate(items)
        ]
        await self._connection.execute(insert(ITEM), values)

    async def find(self, run_id: str) -> Batch | None:
        query = select(BATCH).where(BATCH.c.run_id == run_id)
        row = (await self._connection.execute(query)).mappings().first()
        return Batch(**row) if row else None

    async def waiting(self, run_id: str) -> list[int]:
        """The numbers of the items that have no answer yet, in order."""
        query = select(ITEM.c.number).where(ITEM.c.run_id == run_id, ITEM.c.status == "waiting")
        rows = await self._connection.execute(query.order_by(ITEM.c.number))
        return [row.number for row in rows]

    async def request(self, run_id: str, number: int) -> bytes:
        query = select(ITEM.c.request).where(ITEM.c.run_id == run_id, ITEM.c.number == number)
        return bytes((await self._connection.execute(query)).scalar_one())

    async def counts(self, run_id: str) -> Counts:
        query = select(ITEM.c.status, func.count().label("items")).where(ITEM.c.run_id == run_id)
        rows = await self._connection.execute(query.group_by(ITEM.c.status))
        return Counts.of({row.status: row.items for row in rows})

    async def finish(self, run_id: str, finished: Iterable[Finished]) -> None:
        """Each gets the next place in the order of finishing."""
        query = select(func.coalesce(func.max(ITEM.c.finished), 0)).where(ITEM.c.run_id == run_id)
        place = int((await self._connection.execute(query)).scalar_one())
        for one in finished:
            place += 1
            await self._connection.execute(
                update(ITEM)
                .where(ITEM.c.run_id == run_id, ITEM.c.number == one.number)
                .values(
                    status=one.status,
                    finished=place,
                    request=None,
                    answer=one.answer,
                    problem=one.problem,
                )
            )

    async def results(
        self, run_id: str, *, in_order: bool, behind: int, limit: int
    ) -> list[tuple[int, Row]]:
        """Results and their places: in the order of finishing; or as they were given, up to the
        first that is not there yet."""
        place = ITEM.c.number + 1 if in_order else ITEM.c.finished
        query = select(
            place.label("place"), ITEM.c.id, ITEM.c.status, ITEM.c.answer, ITEM.c.problem
        )
        rows = await self._connection.execute(
            query.where(ITEM.c.run_id == run_id, place > behind).order_by(place).limit(limit)
        )
        found: list[tuple[int, Row]] = []
        for row in rows.mappings():
            if row["status"] == Status.WAITING:
                break
            found.append((row["place"], dict(row)))
        return found

    async def forget(self, ended_before: str, limit: int) -> int:
        """Removes some batches whose runs ended before; says how many."""
        rows = await self._connection.execute(sql(GONE), {"before": ended_before, "limit": limit})
        return len(rows.all())
