"""The table of the model servers that were added. No key stands in it."""

from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path

from sqlalchemy import JSON, Column, Float, Integer, String, delete, insert, select
from sqlalchemy.engine import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.inference.provider import Kind
from agent.shared.clock import from_rfc3339, rfc3339
from agent.shared.tables import table


@dataclass(frozen=True, slots=True)
class Server:
    """A model server as it was added. Patience is in seconds; None is what the settings say.

    `sees` are patterns of names of models with vision, `key_place` says in words where its key
    lies, and is empty if it has none."""

    id: str
    name: str
    provider: Kind
    url: str
    created_at: datetime
    organisation: str = ""
    ca_file: Path | None = None
    connect_s: float | None = None
    first_token_s: float | None = None
    stall_s: float | None = None
    text_limit: int = 4
    vision_limit: int = 1
    sees: tuple[str, ...] = ()
    key_place: str = ""


BACKEND = table(
    "backend",
    id=Column(String, primary_key=True),
    name=Column(String),
    provider=Column(String),
    url=Column(String),
    organisation=Column(String),
    ca_file=Column(String),
    connect_s=Column(Float),
    first_token_s=Column(Float),
    stall_s=Column(Float),
    text_limit=Column(Integer),
    vision_limit=Column(Integer),
    sees=Column(JSON),
    key_place=Column(String),
    created_at=Column(String),
)

FIELDS = [field.name for field in fields(Server)]


class Servers:
    """Every query on added model servers. Commits nothing itself."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, server: Server) -> None:
        values = {name: getattr(server, name) for name in FIELDS}
        values |= {
            "ca_file": str(server.ca_file) if server.ca_file else None,
            "sees": list(server.sees),
            "created_at": rfc3339(server.created_at),
        }
        await self._connection.execute(insert(BACKEND), values)

    async def all(self) -> list[Server]:
        """In the order in which they were added; ids sort by time."""
        rows = await self._connection.execute(select(BACKEND).order_by(BACKEND.c.id))
        return [_server(row) for row in rows]

    async def remove(self, server_id: str) -> bool:
        """Whether there was one."""
        gone = await self._connection.execute(delete(BACKEND).where(BACKEND.c.id == server_id))
        return bool(gone.rowcount)


def _server(row: Row[tuple[object, ...]]) -> Server:
    values = {name: getattr(row, name) for name in FIELDS}
    values |= {
        "ca_file": Path(row.ca_file) if row.ca_file else None,
        "sees": tuple(row.sees),
        "created_at": from_rfc3339(row.created_at),
    }
    return Server(**values)
