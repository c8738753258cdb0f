"""What a hostile person tries at the ways in: many at the same moment, what was taken away and
comes back, and guessing around the pauses."""

import asyncio
import unicodedata
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import text

from agent.shared.errors import Conflict
from hub.identity.recovery_store import Recovery
from hub.identity.service import NewAccount
from hub.identity.store import Sessions
from hub.users.store import Accounts
from tests.hub.postgres import Postgres
from tests.hub.serving import PASSWORD, Served, running_hub
from tests.hub.test_machines import (
    code,
    code_for,
    connected,
    exchanged,
    polled,
    this_machine,
    word,
)
from tests.serving import http

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]
NEW = "another four words here"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ada(hub: Served) -> AsyncIterator[httpx.AsyncClient]:
    yield await hub.signed_in("ada")


async def made(hub: Served, name: str) -> tuple[str, httpx.AsyncClient]:
    """Somebody new: the id, and a browser in which they have signed in."""
    row = await hub.hub.local.add(NewAccount(name, PASSWORD))
    return row["id"], await hub.signed_in(name)


async def statuses(*asked: Awaitable[httpx.Response]) -> Counter[int]:
    return Counter(one.status_code for one in await asyncio.gather(*asked))


async def test_whoever_clicks_twice_meets_no_mistake_of_the_hubs(
    hub: Served, ada: httpx.AsyncClient
) -> None:
    who, cid = await made(hub, "cid")
    groups = [(await ada.post("/groups", json={"name": f"g{n}"})).json()["id"] for n in range(6)]

    offers = await statuses(*(cid.post("/auth/totp") for _ in range(8)))
    links = await statuses(*(ada.post(f"/users/{who}/reset", json={}) for _ in range(8)))
    names = await statuses(
        *(ada.patch(f"/groups/{one}", json={"name": "same"}) for one in groups),
        *(ada.post("/groups", json={"name": "same"}) for _ in groups),
    )

    assert (offers, links) == ({200: 8}, {200: 8})
    assert names[409] == len(groups) * 2 - 1


async def test_whoever_is_removed_while_they_do_something_is_told_so(
    hub: Served, ada: httpx.AsyncClient
) -> None:
    who, dan = await made(hub, "dan")
    key = {"name": "k", "scopes": ["ai"]}
    seen = await statuses(
        *(dan.post("/keys", json=key) for _ in range(4)),
        ada.delete(f"/users/{who}"),
        *(dan.post("/auth/totp") for _ in range(6)),
        *(dan.post("/conversations", json={"title": "A cube"}) for _ in range(6)),
    )

    # 403: the proof that a key and a second step want went with the session.
    assert set(seen) <= {200, 201, 204, 401, 403, 409}


async def test_replicas_that_begin_at_once_all_have_a_first_link(
    tmp_path: Path, server: Postgres
) -> None:
    shared = {"ORCA_HUB_DATABASE_URL": server.new_database()}
    async with running_hub(tmp_path / "data", environment=shared) as other:
        links = await asyncio.gather(*(other.hub.first_link() for _ in range(6)))

    assert len({link for link in links if link is not None}) == 6


async def test_an_error_of_the_database_says_nothing_of_what_was_written(hub: Served) -> None:
    with pytest.raises(Conflict) as caught:
        async with hub.hub.core.database.writing() as connection:
            await Recovery(connection).set_link("nobody", "what must not be told", "2027")

    assert caught.value.code == "changed-meanwhile"
    assert "what must not be told" not in str(caught.value.__cause__)


async def program(hub: Served, name: str, password: str = PASSWORD) -> httpx.AsyncClient:
    """One that signs in by itself; closed with the hub."""
    client = hub.people[f"{name} {len(hub.people)}"] = http(base_url=f"{hub.url}/api/v1")
    given = await client.post("/auth/login", json={"username": name, "password": password})
    client.headers["Authorization"] = f"Bearer {given.json()['access_token']}"
    return client


async def who_is_in(*clients: httpx.AsyncClient) -> list[int]:
    return [(await client.get("/users/me")).status_code for client in clients]


async def test_another_password_ends_programs_that_came_in_with_the_former_one(
    hub: Served,
) -> None:
    _, eve = await made(hub, "eve")
    thief, own = await program(hub, "eve"), await program(hub, "eve")
    machine = await connected(hub, eve)
    by_page = await eve.post("/auth/password", json={"old": PASSWORD, "new": NEW})
    after_page = await who_is_in(eve, thief, own)
    later, mine = await program(hub, "eve", NEW), await program(hub, "eve", NEW)
    by_program = await mine.post("/auth/password", json={"old": NEW, "new": PASSWORD})

    assert (by_page.status_code, by_program.status_code) == (204, 204)
    assert (after_page, await who_is_in(mine, later, eve)) == ([200, 401, 401], [200, 401, 401])
    assert (await this_machine(hub, machine["access_token"])).status_code == 200


async def test_a_machine_that_was_let_in_before_another_password_does_not_come_in_after_it(
    hub: Served, ada: httpx.AsyncClient
) -> None:
    who, fay = await made(hub, "fay")

    async def allowed() -> tuple[str, str]:
        begun = (await hub.stranger.post("/auth/device", json={"machine_name": "pi"})).json()
        yes = {"user_code": begun["user_code"], "allow": True}
        assert (await fay.post("/auth/device/approve", json=yes)).status_code == 204
        return begun["device_code"], await code_for(fay)

    device, grant = await allowed()
    await fay.post("/auth/password", json={"old": PASSWORD, "new": NEW})
    after_own = [await polled(hub, device), await exchanged(hub, grant)]
    device, grant = await allowed()
    await ada.post(f"/users/{who}/reset", json={"password": PASSWORD})
    after_reset = [await polled(hub, device), await exchanged(hub, grant)]

    refused = [(400, "access_denied"), (400, "invalid_grant")]
    assert [word(one) for one in (*after_own, *after_reset)] == [*refused, *refused]


async def test_a_password_is_the_same_whatever_keyboard_writes_it(hub: Served) -> None:
    typed = "f\N{LATIN SMALL LIGATURE FI}ve gr\N{LATIN SMALL LETTER U WITH DIAERESIS}ne m\u00b2"
    await hub.hub.local.add(NewAccount("gus", typed))
    composed = unicodedata.normalize("NFD", typed)
    gus = [await hub.signed_in("gus", one) for one in (typed, composed)]
    changed = await gus[0].post("/auth/password", json={"old": composed, "new": NEW})

    assert changed.status_code == 204


async def test_a_sign_in_on_its_way_ends_with_the_password_that_it_brought(
    tmp_path: Path, server: Postgres
) -> None:
    shared = {"ORCA_HUB_DATABASE_URL": server.new_database()}
    async with running_hub(tmp_path / "data", environment=shared) as hub:
        row = await hub.hub.local.add(NewAccount("hal", PASSWORD))
        database = hub.hub.core.database
        page, caller = hub.browser(), http(base_url=f"{hub.url}/api/v1")
        asked = {"username": "hal", "password": PASSWORD}
        async with page, caller, database.writing() as connection:
            change = {"password_hash": "another one"}
            await Accounts(connection).change(row["id"], change)  # not committed yet
            both = [
                asyncio.ensure_future(one.post("/auth/login", json=asked)) for one in (page, caller)
            ]
            async with asyncio.timeout(30):
                while await waiting(hub) < len(both):  # asked until it is so
                    pass
            await connection.commit()
            answers = [code(await one) for one in both]
        async with database.reading() as connection:
            left = await Sessions(connection).of(row["id"])

    assert (answers, left) == ([(401, "wrong-login")] * 2, [])


async def waiting(hub: Served) -> int:
    """How many transactions wait for another one."""
    asked = text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with hub.hub.core.database.reading() as connection:
        return int((await connection.execute(asked)).scalar_one())
