"""Conversations that others may read: whom one finds, and for how long they may."""

from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine, create_engine, insert, text

from hub.database import upgrade_file
from hub.groups.table_store import GROUP
from hub.identity.service import NewAccount
from hub.users.store import ACCOUNT, account_row
from tests.hub.serving import PASSWORD, Served
from tests.hub.test_conversations import Json, opened, titles
from tests.hub.test_people import code

AT = "2026-01-01T00:00:00.000000Z"
BEFORE = "0008"  # the schema that knew groups by their names


async def found(browser: httpx.AsyncClient, q: str) -> list[Json]:
    items: list[Json] = (await browser.get("/people", params={"q": q})).json()["items"]
    return items


@pytest.mark.asyncio(loop_scope="module")
async def test_people_are_found_by_either_name_and_nothing_more_is_said_of_them(
    hub: Served,
) -> None:
    ada, bob = await hub.signed_in("ada"), await hub.signed_in("bob")
    made = await hub.hub.local.add(
        NewAccount("wilma.lens", PASSWORD, "user", "Ágnes 100% Sommer", "w@lens.example")
    )
    off = await hub.hub.local.add(NewAccount("wilma.off", PASSWORD))
    await ada.patch(f"/users/{off['id']}", json={"is_active": False})
    somebody = {
        "kind": "person",
        "id": made["id"],
        "name": "wilma.lens",
        "display_name": "Ágnes 100% Sommer",
    }
    hits = [await found(bob, q) for q in ("wilma", "LENS", "Ágnes", "sommer", "0%", " wilma ")]
    none = [await found(bob, q) for q in ("w@lens", "__", "%%", "' OR 1=1", "bob")]
    short = [await bob.get("/people", params={"q": q}) for q in ("w", " w ", "\0\0")]

    assert hits == [[somebody]] * 6
    assert none == [[]] * 5
    assert {code(one) for one in [*short, await bob.get("/people")]} == {(422, "invalid-fields")}


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
async def test_twenty_are_found_at_the_most_and_of_groups_ones_own(hub: Served) -> None:
    ada, bob = await hub.signed_in("ada"), await hub.signed_in("bob")
    bob_id = (await bob.get("/users/me")).json()["id"]
    own = (await ada.post("/groups", json={"name": "Quartz makers"})).json()
    other = (await ada.post("/groups", json={"name": "Quartz board"})).json()
    await ada.put(f"/groups/{own['id']}/members/{bob_id}")
    for at in range(21):
        await hub.hub.local.add(NewAccount(f"xeno{at:02}", PASSWORD))

    group = {"kind": "group", "name": "Quartz makers", "display_name": "Quartz makers"}
    assert await found(bob, "quartz") == [{**group, "id": own["id"]}]
    assert [one["name"] for one in await found(ada, "quartz")] == ["Quartz board", "Quartz makers"]
    assert [one["name"] for one in await found(bob, "xeno")] == [f"xeno{at:02}" for at in range(20)]

    one = (await opened(bob, title="Ours"))["id"]
    to_another = await bob.post(
        f"/conversations/{one}/share", json={"kind": "group", "subject": other["id"]}
    )
    assert code(to_another) == (404, "no-such-group")


@pytest.mark.asyncio(loop_scope="module")
async def test_who_comes_into_a_group_reads_what_is_shared_with_it_and_who_leaves_does_not(
    hub: Served,
) -> None:
    await hub.hub.local.add(NewAccount("lea", PASSWORD))
    ada, lea = await hub.signed_in("ada"), await hub.signed_in("lea")
    lea_id = (await lea.get("/users/me")).json()["id"]
    group = (await ada.post("/groups", json={"name": "Nozzle club"})).json()["id"]
    one = (await opened(ada, title="For the club"))["id"]
    body = {"kind": "group", "subject": group}
    shared = await ada.post(f"/conversations/{one}/share", json=body)
    before = await titles(lea, view="shared")
    await ada.put(f"/groups/{group}/members/{lea_id}")
    within = await titles(lea, view="shared")
    read = await lea.get(f"/conversations/{one}/messages")
    await ada.patch(f"/groups/{group}", json={"name": "Hotend club"})
    renamed = (await ada.get(f"/conversations/{one}/share")).json()["items"]
    still = await lea.get(f"/conversations/{one}")
    await ada.delete(f"/groups/{group}/members/{lea_id}")
    without, listed = await lea.get(f"/conversations/{one}"), await titles(lea, view="shared")
    await ada.put(f"/groups/{group}/members/{lea_id}")
    again = await lea.get(f"/conversations/{one}")
    await ada.delete(f"/groups/{group}")
    closed = await lea.get(f"/conversations/{one}")
    await ada.post("/groups", json={"name": "Hotend club"})

    assert (shared.status_code, shared.json()["name"]) == (201, "Nozzle club")
    assert (before, within, read.status_code) == ([], ["For the club"], 200)
    assert [(one["subject"], one["name"]) for one in renamed] == [(group, "Hotend club")]
    assert (still.status_code, again.status_code) == (200, 200)
    assert (code(without), listed) == ((404, "no-such-conversation"), [])
    assert code(closed) == (404, "no-such-conversation")
    assert (await ada.get(f"/conversations/{one}/share")).json()["items"] == []
    assert await titles(lea, view="shared") == []


@pytest.mark.asyncio(loop_scope="module")
async def test_whose_account_is_gone_or_off_is_not_shared_with(hub: Served) -> None:
    ada, bob = await hub.signed_in("ada"), await hub.signed_in("bob")
    off = await hub.hub.local.add(NewAccount("off.switched", PASSWORD))
    gone = await hub.hub.local.add(NewAccount("gone.soon", PASSWORD))
    await ada.patch(f"/users/{off['id']}", json={"is_active": False})
    path = f"/conversations/{(await opened(bob))['id']}/share"
    shared = await bob.post(path, json={"kind": "person", "subject": gone["id"]})
    await ada.delete(f"/users/{gone['id']}")
    refused = [
        await bob.post(path, json={"kind": "person", "subject": one})
        for one in (off["id"], gone["id"], "gone.soon", "'--")
    ]

    assert shared.status_code == 201
    assert {code(one) for one in refused} == {(404, "no-such-user")}
    assert (await bob.get(path)).json()["items"] == []


def test_shares_by_name_become_shares_by_id_and_back(tmp_path: Path) -> None:
    file = tmp_path / "hub.db"
    upgrade_file(file)
    engine = create_engine(f"sqlite:///{file}")
    share = "INSERT INTO conversation_share (conversation_id, created_at, kind, subject"
    with engine.begin() as connection:
        connection.execute(insert(ACCOUNT).values(**account_row("a1", "ada", AT)))
        group = {"name": "Club", "folded": "club", "source": "local"}
        connection.execute(insert(GROUP).values(id="g1", created_at=AT, updated_at=AT, **group))
        for kind, subject in (("person", "a1"), ("group", "g1"), ("group", "gone")):
            connection.execute(text(f"{share}) VALUES ('c1', '{AT}', '{kind}', '{subject}')"))
    upgrade_file(file, BEFORE)
    down = _rows(engine, "SELECT kind, subject, name FROM conversation_share ORDER BY kind")
    with engine.begin() as connection:
        unknown = f"{share}, name) VALUES ('c1', '{AT}', 'group', 'No club', 'No club')"
        connection.execute(text(unknown))
    upgrade_file(file)
    up = _rows(engine, "SELECT kind, subject FROM conversation_share ORDER BY kind")
    engine.dispose()

    assert down == [("group", "Club", "Club"), ("person", "a1", "ada")]
    assert up == [("group", "g1"), ("person", "a1")]


def _rows(engine: Engine, query: str) -> list[tuple[str, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]
