"""What a hostile person tries at the ways in: many at the same moment, what was taken away and
comes back, and guessing around the pauses."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from agent.shared.errors import Conflict
from hub.identity.recovery_store import Recovery
from hub.identity.service import NewAccount
from tests.hub.postgres import Postgres
from tests.hub.serving import PASSWORD, Served, running_hub

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

    assert set(seen) <= {200, 201, 204, 401, 409}


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
