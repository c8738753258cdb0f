"""Records of requests, a database to keep them in, and Telemetry upon it, for tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agent.migrations import migrate
from agent.shared.clock import Clock, system_clock
from agent.shared.database import Database
from agent.telemetry.rules import RequestRecord
from agent.telemetry.service import Telemetry

AT = datetime(2026, 1, 31, 9, 5, tzinfo=UTC)
MODEL = "qwen3:4b"


def record(number: int = 1, **fields: Any) -> RequestRecord:  # Any: of the record
    """One that came to a good end, but for `fields`."""
    given = {
        "id": f"request-{number}",
        "at": AT,
        "kind": "chat",
        "outcome": "done",
        "model": MODEL,
        "backend": "local",
        "provider": "ollama",
        "client": "notebook",
        "queued_ms": 2.0,
        "load_ms": 40.0,
        "first_token_ms": 120.0,
        "total_ms": 1000.0,
        "prompt_tokens": 30,
        "completion_tokens": 50,
        "tokens_per_second": 55.5,
        **fields,
    }
    return RequestRecord(**given)


@dataclass(frozen=True, slots=True)
class Kept:
    """Telemetry with its database."""

    telemetry: Telemetry
    database: Database
    file: Path


@asynccontextmanager
async def keeping(
    folder: Path, *, clock: Clock = system_clock, **about: Any
) -> AsyncIterator[Kept]:  # Any: Telemetry's own
    """Closed as the agent closes it."""
    file = folder / "agent.db"
    migrate(file, now=AT)
    database = Database(file)
    telemetry = Telemetry(database, clock, **about)
    try:
        yield Kept(telemetry, database, file)
        await telemetry.close()
    finally:
        await database.close()
