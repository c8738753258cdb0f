"""The audit log: found, exported, and neither changed nor cut without being noticed."""

import asyncio
import csv
import io
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from agent.shared.errors import OrcaError
from hub.audit.partitions import make_partitions
from hub.identity.service import NewAccount
from tests.clock import MovingClock
from tests.hub.serving import PASSWORD, Served, running_hub

pytestmark = pytest.mark.asyncio(loop_scope="module")
Json = dict[str, Any]  # Any: JSON
WHOLE: Json = {"is_whole": True, "broken_at": None, "is_cut_unproved": False}


async def found(served: Served, **wanted: str) -> list[tuple[str, str, str]]:
    ada = await served.signed_in("ada")
    items = (await ada.get("/audit", params=wanted)).json()["items"]
    return [(one["actor"], one["action"], one["target"]) for one in items]


async def test_entries_are_found_by_what_and_who_and_when(hub: Served) -> None:
    ada = await hub.signed_in("ada")
    for name in ("greta", "100%_sure"):
        await ada.post("/users", json={"name": "greta" if name == "greta" else "henry"})
    await hub.stranger.post("/auth/login", json={"username": "greta", "password": "guessed"})
    first = (await ada.get("/audit", params={"q": "greta", "action": "user.add"})).json()["items"]
    at, day = first[0]["at"], first[0]["at"][:10]

    added, refused = ("ada", "user.add", "greta"), ("nobody", "login", "greta")
    assert await found(hub, q="GRETA") == [refused, added]
    assert await found(hub, q="greta", action="user.") == [added]
    assert await found(hub, q="greta", actor="ada") == [added]
    assert await found(hub, q="greta", outcome="refused") == [refused]
    assert added in await found(hub, **{"from": day, "to": day, "action": "user.add"})
    assert await found(hub, q="greta", to=at) == []
    assert await found(hub, q="%") == []


@pytest.mark.parametrize(
    "wanted",
    [
        {"outcome": "odd"},
        {"from": "yesterday"},
        {"from": "9999-12-31T23:59:59-23:00"},
        {"limit": "501"},
        {"cursor": "0"},
        {"cursor": str(10**30)},
    ],
)
async def test_what_cannot_be_looked_for_is_refused(hub: Served, wanted: dict[str, str]) -> None:
    answer = await (await hub.signed_in("ada")).get("/audit", params=wanted)

    assert (answer.status_code, answer.json()["type"]) == (422, "urn:orca:problem:invalid-fields")


async def test_pages_follow_each_other_without_a_gap(hub: Served) -> None:
    ada, pages, cursor = await hub.signed_in("ada"), [], None
    for number in range(6):
        await hub.hub.core.audit.note_alone("test.page", str(number))
    for _ in range(3):
        asked = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = (await ada.get("/audit", params=asked)).json()
        pages += [one["number"] for one in page["items"]]
        cursor = page["next_cursor"]

    assert pages == list(range(pages[0], pages[0] - 6, -1))


async def test_an_export_is_what_was_looked_for_and_does_nothing_in_a_spreadsheet(
    hub: Served,
) -> None:
    ada = await hub.signed_in("ada")
    await hub.hub.core.audit.note_alone("test.formula", "=1+1", cells='"; x')
    lines = (await ada.get("/audit/export", params={"action": "test.formula"})).text.splitlines()
    table = await ada.get("/audit/export", params={"action": "test.formula", "format": "csv"})
    rows = list(csv.DictReader(io.StringIO(table.text)))

    told: Json = orjson.loads(lines[0])
    assert (len(lines), told["target"], told["detail"]) == (1, "=1+1", {"cells": '"; x'})
    assert [(row["target"], row["digest"]) for row in rows] == [("'=1+1", told["digest"])]
    assert table.headers["Content-Disposition"] == 'attachment; filename="audit.csv"'


async def test_the_database_changes_and_removes_no_entry(hub: Served) -> None:
    refused = 0
    for statement in ("UPDATE audit SET actor = 'eve'", "DELETE FROM audit"):
        try:
            async with hub.hub.core.database.writing() as connection:
                await connection.execute(text(f"{statement} WHERE number = 1"))
        except (DBAPIError, OrcaError) as err:
            refused += "only grows" in f"{err} {err.__cause__}"
    chain = (await (await hub.signed_in("ada")).get("/audit/chain")).json()

    assert (refused, chain) == (2, {**WHOLE, "cut": None})


@pytest.mark.slow
async def test_who_gets_around_that_is_noticed(tmp_path: Path) -> None:
    broken = []
    async with running_hub(tmp_path) as served:
        await served.hub.local.add(NewAccount("ada", PASSWORD, "administrator"))
        for number in range(4):
            await served.hub.core.audit.note_alone("test", str(number))
        for done in (
            "DROP TRIGGER audit_no_change",
            "DROP TRIGGER audit_no_removal",
            "DELETE FROM audit WHERE number >= 5",
            "DELETE FROM audit WHERE number = 3",
            "UPDATE audit SET actor = 'eve' WHERE number = 2",
        ):
            async with served.hub.core.database.writing() as connection:
                await connection.execute(text(done))
            broken.append(await served.hub.core.audit.broken_at())

    assert broken == [None, None, 5, 3, 2]


@pytest.mark.slow
async def test_fifty_writers_of_two_replicas_make_one_chain(
    tmp_path: Path, shared: dict[str, str]
) -> None:
    async with (
        running_hub(tmp_path / "one", environment=shared) as one,
        running_hub(tmp_path / "two", environment=shared) as two,
    ):
        logs = (one.hub.core.audit, two.hub.core.audit)

        async def write(number: int) -> None:
            for _ in range(10):
                await logs[number % 2].note_alone("test", str(number))

        await asyncio.gather(*(write(number) for number in range(50)))
        entries = [entry.target async for entry, _ in logs[0].everything()]
        broken = await logs[1].broken_at()

    assert sorted(one for one in entries if one.isdigit()) == sorted(
        str(number) for number in range(50) for _ in range(10)
    )
    assert broken is None


@pytest.mark.slow
async def test_months_are_made_ahead_and_take_what_came_before_them(
    tmp_path: Path, shared: dict[str, str]
) -> None:
    clock = MovingClock()  # months before the database's own time
    async with running_hub(tmp_path, environment=shared, clock=clock) as served:
        core = served.hub.core
        await core.audit.note_alone("test", "early")
        async with core.database.writing() as connection:
            made = await make_partitions(connection, clock())
            again = await make_partitions(connection, clock())
            where = await connection.execute(
                text("SELECT tableoid::regclass::text FROM audit WHERE target = 'early'")
            )
            tables = [str(row[0]) for row in where]
        broken = await core.audit.broken_at()
        refused = 0
        try:
            async with core.database.writing() as connection:
                await connection.execute(text("DELETE FROM audit_2026_01"))
        except (DBAPIError, OrcaError):
            refused = 1

    months = ("2026_01", "2026_02", "2026_03")
    assert made == [f"{name}_{month}" for name in ("audit", "usage") for month in months]
    assert (again, tables, broken, refused) == ([], ["audit_2026_01"], None, 1)
