"""What was used long ago: days become months, and months go; the sums stay true until then."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from hub.audit.partitions import make_partitions
from hub.identity.service import NewAccount
from hub.limits.ageing import forget_usage, roll_up
from tests.clock import MovingClock
from tests.hub.serving import PASSWORD, Served, running_hub

pytestmark = pytest.mark.slow
Json = dict[str, Any]  # Any: JSON
FOREVER = {"ORCA_HUB_USAGE_MONTHS": "0", "ORCA_HUB_USAGE_DAY_MONTHS": "0"}
ADD = text(
    "INSERT INTO usage (day, account_id, model, provider, requests, failed, prompt_tokens, "
    "answer_tokens, cost_micros, milliseconds) "
    "VALUES (:day, 'a', :model, 'gpu', 1, 0, 10, 20, 5, 7)"
)
DAYS = ("2025-11-01", "2025-11-30", "2025-12-24", "2026-01-01", "2026-01-30")


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest) -> dict[str, str]:
    """The hub keeps everything by itself; tests say what is to become of it."""
    if request.param == "sqlite":
        return FOREVER
    return FOREVER | {"ORCA_HUB_DATABASE_URL": request.getfixturevalue("server").new_database()}


async def used(served: Served, *days: str) -> None:
    core = served.hub.core
    async with core.database.writing() as connection:
        for day in days:
            for model in ("big", "small"):
                await connection.execute(ADD, {"day": day, "model": model})
        await make_partitions(connection, core.clock())


async def shown(served: Served, **asked: str) -> dict[str, int]:
    """Requests by day, and in total."""
    ada = await served.signed_in("ada")
    asked = {"from": "2025-01-01", "to": "2026-01-31"} | asked
    said: Json = (await ada.get("/usage", params=asked)).json()
    return {one["key"]: one["requests"] for one in said["items"]} | {
        "all": said["total"]["requests"], "tokens": said["total"]["answer_tokens"]
    }  # fmt: skip


async def test_days_become_months_once_and_what_comes_later_is_added(
    tmp_path: Path, place: dict[str, str]
) -> None:
    clock = MovingClock()  # the end of January 2026
    async with running_hub(tmp_path, environment=place, clock=clock) as served:
        core = served.hub.core
        await served.hub.local.add(NewAccount("ada", PASSWORD, "administrator"))
        await used(served, *DAYS)
        rolled = []
        for late in ((), (), ("2025-11-02",)):
            await used(served, *late)
            async with core.database.writing() as connection:
                rolled.append(await roll_up(connection, 1, core.clock()))
        days, months = await shown(served), await shown(served, by="month")
        part = await shown(served, **{"from": "2025-11-02", "to": "2026-01-01"})
        models = await shown(served, by="model")

    assert rolled == [["2025-11"], [], ["2025-11"]]
    assert days == {
        "2025-11": 6, "2025-12-24": 2, "2026-01-01": 2, "2026-01-30": 2, "all": 12, "tokens": 240,
    }  # fmt: skip
    assert months == {"2025-11": 6, "2025-12": 2, "2026-01": 4, "all": 12, "tokens": 240}
    assert part == {"2025-12-24": 2, "2026-01-01": 2, "all": 4, "tokens": 80}
    assert models == {"big": 6, "small": 6, "all": 12, "tokens": 240}


async def test_months_that_are_over_go_with_their_tables(
    tmp_path: Path, place: dict[str, str]
) -> None:
    clock = MovingClock()
    async with running_hub(tmp_path, environment=place, clock=clock) as served:
        core = served.hub.core
        await served.hub.local.add(NewAccount("ada", PASSWORD, "administrator"))
        await used(served, *DAYS)
        said = []
        for _ in range(2):
            async with core.database.writing() as connection:
                said.append(await forget_usage(connection, 1, core.clock()))
        left = await shown(served)

    tables = ["usage_2025_11"] if "ORCA_HUB_DATABASE_URL" in place else []
    assert said == [{"removed": 4, "dropped": tables}, {"removed": 0, "dropped": []}]
    assert left == {"2025-12-24": 2, "2026-01-01": 2, "2026-01-30": 2, "all": 6, "tokens": 120}
