"""The tables of printers, of how far jobs got, and of prints. No key stands in them."""

from collections.abc import Iterable
from dataclasses import asdict, fields
from pathlib import Path

from sqlalchemy import Column, RowMapping, String, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.tables import table
from agent.slicer.printers.rules import Print, Printer, Result, Sent, Step

PRINTER = table(
    "printer",
    id=Column(String, primary_key=True),
    name=Column(String),
    kind=Column(String),
    url=Column(String),
    hold=Column(String),
    storage=Column(String),
    user=Column(String),
    camera_url=Column(String),
    ca_file=Column(String),
    key_place=Column(String),
    created_at=Column(String),
)

SENT = table(
    "printer_sent",
    job_id=Column(String, primary_key=True),
    printer_id=Column(String),
    step=Column(String),
    path=Column(String),
    stamp=Column(String),
    mark=Column(String),
    updated_at=Column(String),
)

PRINT = table(
    "print",
    id=Column(String, primary_key=True),
    file_id=Column(String),
    job_id=Column(String),
    printer_id=Column(String),
    printer_name=Column(String),
    path=Column(String),
    mark=Column(String),
    started_at=Column(String),
    ended_at=Column(String),
    result=Column(String),
    source=Column(String),
    note=Column(String),
)


SENT_FIELDS = [field.name for field in fields(Sent)]


class Printers:
    """Every query on added printers. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, printer: Printer) -> None:
        await self._connection.execute(insert(PRINTER), _values(printer))

    async def all(self) -> list[Printer]:
        """In the order in which they were added; ids sort by time."""
        rows = await self._connection.execute(select(PRINTER).order_by(PRINTER.c.id))
        return [_printer(row) for row in rows.mappings()]

    async def change(self, printer: Printer) -> None:
        query = update(PRINTER).where(PRINTER.c.id == printer.id)
        await self._connection.execute(query, _values(printer))

    async def remove(self, printer_id: str) -> None:
        """Prints stay, and are no longer watched."""
        await self._connection.execute(delete(PRINTER).where(PRINTER.c.id == printer_id))
        left = update(PRINT).where(PRINT.c.printer_id == printer_id)
        await self._connection.execute(left.values(printer_id=None))


class Sents:
    """Every query on how far jobs got. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def find(self, job_id: str) -> Sent | None:
        query = select(*(SENT.c[name] for name in SENT_FIELDS)).where(SENT.c.job_id == job_id)
        row = (await self._connection.execute(query)).mappings().first()
        return Sent(**{**row, "step": Step(row["step"])}) if row else None

    async def save(self, sent: Sent, at: str) -> None:
        values = {**asdict(sent), "step": sent.step.value, "updated_at": at}
        await self._connection.execute(insert(SENT).prefix_with("OR REPLACE"), values)


class Prints:
    """Every query on prints. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, one: Print) -> None:
        await self._connection.execute(insert(PRINT), _plain(one))

    async def save(self, one: Print) -> None:
        query = update(PRINT).where(PRINT.c.id == one.id)
        await self._connection.execute(query, _plain(one))

    async def find(self, print_id: str) -> Print | None:
        query = select(PRINT).where(PRINT.c.id == print_id)
        row = (await self._connection.execute(query)).mappings().first()
        return _print(row) if row else None

    async def of_file(self, file_id: str) -> list[Print]:
        """The newest first."""
        query = select(PRINT).where(PRINT.c.file_id == file_id).order_by(PRINT.c.id.desc())
        return [_print(row) for row in (await self._connection.execute(query)).mappings()]

    async def watched(self) -> list[Print]:
        """Those that go on, as far as is known here."""
        query = select(PRINT).where(PRINT.c.result.is_(None), PRINT.c.printer_id.is_not(None))
        return [_print(row) for row in (await self._connection.execute(query)).mappings()]

    async def ended(self, file_ids: Iterable[str]) -> dict[str, Print]:
        """The newest print of each file that has come to an end."""
        newest = (
            select(func.max(PRINT.c.id))
            .where(PRINT.c.file_id.in_(list(file_ids)), PRINT.c.result.is_not(None))
            .group_by(PRINT.c.file_id)
        )
        rows = await self._connection.execute(select(PRINT).where(PRINT.c.id.in_(newest)))
        return {row["file_id"]: _print(row) for row in rows.mappings()}


def _values(printer: Printer) -> dict[str, object]:
    values = asdict(printer)
    return {**values, "ca_file": str(printer.ca_file) if printer.ca_file else None}


def _printer(row: RowMapping) -> Printer:
    return Printer(**{**row, "ca_file": Path(row["ca_file"]) if row["ca_file"] else None})


def _plain(one: Print) -> dict[str, object]:
    return {**asdict(one), "result": one.result.value if one.result else None}


def _print(row: RowMapping) -> Print:
    return Print(**{**row, "result": Result(row["result"]) if row["result"] else None})
