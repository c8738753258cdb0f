"""What whoever operates the hub has to act on, and would not see by itself."""

from collections.abc import Sequence

from agent.shared.errors import OrcaError
from hub.audit.upkeep import CHECK
from hub.core import Concern, Concerns
from hub.jobs.service import Jobs

LAST = 5  # of which one has surely ended


class AllConcerns:
    """Of every part that has any. What cannot be asked is left out."""

    def __init__(self, sources: Sequence[Concerns]) -> None:
        self._sources = sources

    async def now(self) -> list[Concern]:
        found: list[Concern] = []
        for source in self._sources:
            try:
                found += await source()
            except OrcaError:  # health tells of that
                continue
        return found


def of_audit(jobs: Jobs) -> Concerns:
    async def look() -> list[Concern]:
        """What the last check of the audit log has found; reading all of it takes long."""
        for row in await jobs.found(name=CHECK, limit=LAST):
            if row["state"] == "failed":
                return [Concern("audit-broken", 1, row["problem"] or "")]
            if row["state"] == "done":
                break
        return []

    return look
