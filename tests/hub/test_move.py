"""`orca-hub move`: everything from the file to the server, or nothing."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from agent.shared.errors import Conflict
from hub.commands.moving import move, tables
from hub.database import upgrade_server
from hub.identity.service import NewAccount
from hub.postgres import PostgresDatabase
from hub.settings import load
from tests.hub.postgres import Postgres
from tests.hub.serving import PASSWORD, running_hub
from tests.hub.test_doctor import run

pytestmark = pytest.mark.slow


async def filled(folder: Path) -> dict[str, int]:
    """A file with something in it; how many rows its tables have."""
    async with running_hub(folder) as served:
        await served.hub.local.add(NewAccount("ada", PASSWORD, "administrator"))
        await served.hub.local.add(NewAccount("bob", PASSWORD))
        ada, bob = await served.signed_in("ada"), await served.signed_in("bob")
        await ada.post("/groups", json={"name": "printers"})
        await ada.post("/jobs", json={"name": "jobs.forget"})
        await ada.post("/keys", json={"name": "ci", "scopes": ["ai"]})
        for title in ("Ein Würfel", "A cube", "立方体"):
            made = await bob.post("/conversations", json={"title": title})
            assert made.status_code == 201, made.text
        async with served.hub.core.database.writing() as connection:
            for number in range(1100):  # more than a batch
                await served.hub.core.audit.note(connection, "test.noted", f"thing {number}")
    return counts(folder)


def counts(folder: Path) -> dict[str, int]:
    with closing(sqlite3.connect(folder / "hub.db")) as file:
        return {
            table.name: file.execute(str(select(func.count()).select_from(table))).fetchone()[0]
            for table in tables()
        }


async def test_what_arrived_is_what_was_sent_and_the_hub_goes_on_with_it(
    server: Postgres, tmp_path: Path
) -> None:
    there, url = await filled(tmp_path), server.new_database()
    result = await asyncio.to_thread(run, tmp_path, "move", "--to", url)
    again = await asyncio.to_thread(run, tmp_path, "move", "--to", url)
    assert result.exit_code == 0, (result.output, result.exception)
    environment = {"ORCA_HUB_DATABASE_URL": url}
    async with running_hub(tmp_path, environment=environment) as served:
        ada, bob = await served.signed_in("ada"), await served.signed_in("bob")
        chain = (await ada.get("/audit/chain")).json()
        found = (await bob.get("/conversations", params={"q": "Würfel"})).json()["items"]
        new = await bob.post("/conversations", json={"title": "Another"})
        groups = (await ada.get("/groups")).json()["items"]

    assert "what arrived is what was sent" in result.output
    assert (again.exit_code, "already. Give an empty one" in again.output) == (1, True)
    assert there["audit"] > 1100
    assert (chain["is_whole"], chain["broken_at"]) == (True, None)
    assert [one["title"] for one in found] == ["Ein Würfel"]
    assert (new.status_code, [one["name"] for one in groups]) == (201, ["printers"])
    assert counts(tmp_path) == there


async def test_nothing_is_moved_where_something_does_not_arrive_as_it_was_sent(
    server: Postgres, tmp_path: Path
) -> None:
    await filled(tmp_path)
    url = load({"ORCA_HUB_DATABASE_URL": server.new_database()}).async_database_url or ""
    database = PostgresDatabase(url)
    await upgrade_server(database)
    async with database.writing() as connection:
        for statement in SPOIL:
            await connection.execute(text(statement))
    told: list[str] = []
    with pytest.raises(Conflict) as refused:
        await move(tmp_path / "hub.db", url, lambda table, _done, _total: told.append(table))
    async with database.reading() as connection:
        left = {
            table.name: await connection.scalar(select(func.count()).select_from(table))
            for table in tables()
        }
    await database.close()

    assert refused.value.code == "move-differs"
    assert "account" in told
    assert set(left.values()) == {0}


# A server that changes what it is given.
SPOIL = (
    """CREATE FUNCTION spoil() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN NEW.display_name := upper(NEW.display_name); RETURN NEW; END $$""",
    "CREATE TRIGGER spoil BEFORE INSERT ON account FOR EACH ROW EXECUTE FUNCTION spoil()",
)
