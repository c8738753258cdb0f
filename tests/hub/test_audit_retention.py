"""The audit log's months end: the rest is checkable, and what somebody else removed is found."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from agent.shared.errors import OrcaError
from hub.audit.partitions import make_partitions
from hub.audit.retention import cut_off
from hub.audit.rules import Chain
from hub.identity.service import NewAccount
from tests.clock import MovingClock
from tests.hub.serving import PASSWORD, Served, running_hub

pytestmark = pytest.mark.slow
Json = dict[str, Any]  # Any: JSON
FOREVER = {"ORCA_HUB_AUDIT_MONTHS": "0"}


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest) -> dict[str, str]:
    """The hub keeps everything by itself; tests cut where three months are to be kept."""
    if request.param == "sqlite":
        return FOREVER
    return FOREVER | {"ORCA_HUB_DATABASE_URL": request.getfixturevalue("server").new_database()}


async def filled(served: Served, clock: MovingClock, months: int = 6) -> None:
    """Two lines in each month; the present one is the last."""
    core = served.hub.core
    for month in range(months):
        async with core.database.writing() as connection:
            await make_partitions(connection, clock())
        for number in range(2):
            await core.audit.note_alone("test", f"{month}.{number}")
        if month < months - 1:
            clock.passes(days=31)


async def cut(served: Served) -> dict[str, object]:
    core = served.hub.core
    async with core.database.writing() as connection:
        return await cut_off(connection, core.audit, 3, core.clock())


async def told(served: Served) -> list[tuple[int, str, str]]:
    """Number, action and target of every line, without those of periodic jobs."""
    return [
        (entry.number, entry.action, entry.target)
        async for entry, _ in served.hub.core.audit.everything()
    ]


async def by_force(served: Served, *statements: str) -> None:
    """As whoever owns the database can."""
    core = served.hub.core
    is_server = core.settings.database_url is not None
    async with core.database.writing() as connection:
        if is_server:
            await connection.execute(text("SET LOCAL session_replication_role = replica"))
        else:
            for name in ("audit_no_removal", "audit_no_change", "audit_cut_no_removal"):
                await connection.execute(text(f"DROP TRIGGER IF EXISTS {name}"))
        for statement in statements:
            await connection.execute(text(statement))


async def test_months_that_are_over_go_and_the_rest_is_checked_from_there(
    tmp_path: Path, place: dict[str, str]
) -> None:
    clock = MovingClock()  # the end of January; February is passed over
    async with running_hub(tmp_path, environment=place, clock=clock) as served:
        await filled(served, clock)
        before, said = await told(served), await cut(served)
        after, chain = await told(served), await served.hub.core.audit.check()
        again = await cut(served)
        clock.passes(days=31)
        second = await cut(served)
        last = await served.hub.core.audit.check()

    kept = [one for one in before if one[2] >= "2."]
    first = before[len(before) - len(kept) - 1][0]
    assert (said["removed"], said["up_to"]) == (first, first)
    assert after == [*kept, (before[-1][0] + 1, "audit.cut", "2026-03-03")]
    assert chain.cut is not None
    assert (chain, chain.cut.number) == (Chain(None, chain.cut), first)
    assert (again, second["removed"]) == ({"removed": 0}, 2)
    assert last.cut is not None
    assert (last.broken_at, last.cut.number) == (None, first + 2)


async def test_the_job_of_the_hub_does_it_and_tells_administrators(
    tmp_path: Path, place: dict[str, str]
) -> None:
    clock = MovingClock()
    environment = place | {"ORCA_HUB_AUDIT_MONTHS": "3"}
    async with running_hub(tmp_path, environment=environment, clock=clock) as served:
        await served.hub.local.add(NewAccount("ada", PASSWORD, "administrator"))
        await filled(served, clock)
        await done(served, "audit.cut")
        ada = await served.signed_in("ada")
        shown = (await ada.get("/audit/chain")).json()
        checked = await done(served, "audit.check")
        lines = await told(served)

    assert shown == {
        "is_whole": True, "broken_at": None, "cut": shown["cut"], "is_cut_unproved": False,
    }  # fmt: skip
    assert shown["cut"]["at"] < "2026-04" <= shown["cut"]["cut_at"]
    assert lines[0][0] == shown["cut"]["number"] + 1
    assert ("user.add", "ada") not in [line[1:] for line in lines]
    assert checked == {"is_whole": True, "begins_after": shown["cut"]["number"]}


async def done(served: Served, name: str) -> Json:
    """What came of a periodic job that is done now."""
    jobs = served.hub.jobs.jobs
    job_id = (await jobs.run_now(name))["id"]
    async with asyncio.timeout(20):
        while (row := await jobs.get(job_id))["state"] not in ("done", "failed"):
            served.hub.jobs.finder.wake()
            await asyncio.sleep(0.02)
    assert row["state"] == "done", row["problem"]
    found: Json = row["result"]
    return found


@pytest.mark.parametrize(
    ("statement", "found_at"),
    [
        ("DELETE FROM audit WHERE number <= :first", "first"),
        ("DELETE FROM audit WHERE number = :middle", "middle"),
        ("UPDATE audit SET actor = 'eve' WHERE number = :middle", "middle"),
        ("DELETE FROM audit_cut", "beginning"),
        ("DELETE FROM audit WHERE action = 'audit.cut'", "cut"),
    ],
)
async def test_what_was_tampered_with_behind_a_cut_is_found(
    tmp_path: Path, place: dict[str, str], statement: str, found_at: str
) -> None:
    clock = MovingClock()
    async with running_hub(tmp_path, environment=place, clock=clock) as served:
        await filled(served, clock)
        first = int(str((await cut(served))["up_to"])) + 1
        await served.hub.core.audit.note_alone("test", "after")
        last = (await told(served))[-1][0]
        said = statement.replace(":first", str(first)).replace(":middle", str(first + 1))
        await by_force(served, said)
        chain = await served.hub.core.audit.check()

    at = {"first": first, "middle": first + 1, "beginning": 1, "cut": last - 1}
    assert (chain.broken_at, chain.is_cut_unproved) == (at[found_at], False)


async def test_a_cut_that_the_hub_did_not_make_is_found(
    tmp_path: Path, place: dict[str, str]
) -> None:
    """The beginning is removed, and what is kept of cuts is made up for it."""
    clock = MovingClock()
    async with running_hub(tmp_path, environment=place, clock=clock) as served:
        await filled(served, clock)
        core = served.hub.core
        forged = (
            "INSERT INTO audit_cut (number, at, digest, cut_at) "
            "SELECT number, at, digest, at FROM audit WHERE number = 3"
        )
        async with core.database.writing() as connection:  # nothing needs to be switched off
            await connection.execute(text(forged))
            await connection.execute(text("DELETE FROM audit WHERE number <= 3"))
        chain = await core.audit.check()

    assert (chain.broken_at, chain.is_cut_unproved) == (3, True)


async def test_without_a_cut_nobody_removes_a_line_and_no_cut_is_taken_back(
    tmp_path: Path, place: dict[str, str]
) -> None:
    clock = MovingClock()
    async with running_hub(tmp_path, environment=place, clock=clock) as served:
        await filled(served, clock)
        up_to = int(str((await cut(served))["up_to"]))
        refused = [
            await is_refused(served, statement.replace(":first", str(up_to + 1)))
            for statement in (
                "DELETE FROM audit WHERE number = :first",
                "UPDATE audit SET actor = 'eve' WHERE number = :first",
                "DELETE FROM audit_cut",
                "UPDATE audit_cut SET number = 1000",
            )
        ]
        chain = await served.hub.core.audit.check()

    assert (refused, chain.broken_at) == ([True] * 4, None)


async def is_refused(served: Served, statement: str) -> bool:
    try:
        async with served.hub.core.database.writing() as connection:
            await connection.execute(text(statement))
    except Exception as err:  # noqa: BLE001 - of either driver
        return "only grows" in f"{err} {err.__cause__}"
    return False


async def test_what_is_stopped_in_the_middle_of_a_cut_has_changed_nothing(
    tmp_path: Path, place: dict[str, str]
) -> None:
    clock = MovingClock()
    async with running_hub(tmp_path, environment=place, clock=clock) as served:
        await filled(served, clock)
        core, before = served.hub.core, await told(served)

        async def stopped() -> None:
            async with core.database.writing() as connection:
                await cut_off(connection, core.audit, 3, core.clock())
                raise KeyError

        with pytest.raises(KeyError):
            await stopped()
        after, chain = await told(served), await core.audit.check()

    assert (after, chain) == (before, Chain())


async def test_two_replicas_that_cut_at_once_cut_once(
    tmp_path: Path, shared: dict[str, str]
) -> None:
    clock = MovingClock()
    environment = shared | FOREVER
    async with (
        running_hub(tmp_path / "one", environment=environment, clock=clock) as one,
        running_hub(tmp_path / "two", environment=environment, clock=clock) as two,
    ):
        await filled(one, clock)
        said = await asyncio.gather(*(cut(served) for served in (one, two) * 3))
        lines, chain = await told(two), await two.hub.core.audit.check()

    assert sorted(bool(one["removed"]) for one in said) == [False] * 5 + [True]
    assert ([action for _, action, _ in lines].count("audit.cut"), chain.broken_at) == (1, None)


async def test_what_an_early_clock_wrote_goes_with_its_neighbours(
    tmp_path: Path, place: dict[str, str]
) -> None:
    """Clocks of replicas differ: a line of the last second of a month stands behind one of the
    next month. It is kept until that goes."""
    clock = MovingClock()
    async with running_hub(tmp_path, environment=place, clock=clock) as served:
        core = served.hub.core
        await core.audit.note_alone("test", "first")
        clock.passes(hours=15)  # February
        await core.audit.note_alone("test", "february")
        clock.passes(hours=-1)
        await core.audit.note_alone("test", "january")
        clock.passes(days=100)  # May: February is the oldest month
        async with core.database.writing() as connection:
            await make_partitions(connection, core.clock())
        await cut(served)
        first, chain = await told(served), await core.audit.check()
        clock.passes(days=31)
        await cut(served)
        second, whole = await told(served), await core.audit.check()

    assert [target for _, _, target in first][:2] == ["february", "january"]
    assert (chain.broken_at, whole.broken_at) == (None, None)
    assert [action for _, action, _ in second] == ["audit.cut", "audit.cut"]


async def test_a_cut_that_cannot_have_the_table_gives_up_soon(
    tmp_path: Path, shared: dict[str, str]
) -> None:
    """A backup reads it, perhaps for hours; nobody else should wait behind the cut for that."""
    clock = MovingClock()
    environment = shared | FOREVER
    async with running_hub(tmp_path, environment=environment, clock=clock) as served:
        await filled(served, clock)
        core = served.hub.core
        async with core.database.writing() as backup:
            await backup.execute(text("LOCK TABLE audit IN ACCESS SHARE MODE"))
            with pytest.raises(OrcaError) as refused:
                await cut(served)
            await core.audit.note_alone("test", "meanwhile")
        said, chain = await cut(served), await core.audit.check()

    assert refused.value.code == "database-busy"
    assert (bool(said["removed"]), chain.broken_at) == (True, None)
