"""What the provider says of itself, fetched by one process for all of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from agent.shared.clock import from_rfc3339, rfc3339
from agent.shared.databases import Databases
from agent.shared.errors import OrcaError
from hub.oidc.store import Documents

Answer = Mapping[str, Any]  # Any: JSON values


@dataclass(frozen=True, slots=True)
class Described:
    """The provider's discovery document and its keys, as far as the hub reads them."""

    discovery: Answer
    keys: Answer
    fetched_at: datetime


class SharedDocuments:
    """In the database, where every replica finds them."""

    def __init__(self, database: Databases, issuer: str) -> None:
        self._database, self._issuer = database, issuer

    async def read(self) -> Described | None:
        """None where there are none, or where they cannot be read now."""
        try:
            async with self._database.reading() as connection:
                row = await Documents(connection).find(self._issuer)
        except OrcaError:
            return None
        if row is None:
            return None
        return Described(row["discovery"], row["keys"], from_rfc3339(row["fetched_at"]))

    def row(self, described: Described) -> dict[str, object]:
        """As it is kept."""
        return {
            "issuer": self._issuer,
            "discovery": dict(described.discovery),
            "keys": dict(described.keys),
            "fetched_at": rfc3339(described.fetched_at),
        }
