"""Keys of programs: shown once, good for their scopes, ended at once."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent.shared.clock import rfc3339
from hub.identity.service import NewAccount
from tests.clock import MovingClock
from tests.hub.serving import PASSWORD, Served, running_hub

pytestmark = pytest.mark.asyncio(loop_scope="module")
Json = dict[str, Any]  # Any: JSON
USAGE: Json = {"name": "report", "scopes": ["usage"]}


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def test_a_key_is_shown_once_and_says_who_used_it(hub: Served) -> None:
    bob = await hub.signed_in("bob")
    made = (await bob.post("/keys", json={**USAGE, "scopes": ["usage", "ai", "usage"]})).json()
    key = made.pop("key")
    async with hub.browser(**bearer(key)) as program:
        used = await program.get("/usage")
        scope = await program.get("/users/me")
        more = await program.post("/keys", json=USAGE)
    listed = (await bob.get("/keys")).json()["items"][0]
    noted = (await (await hub.signed_in("ada")).get("/audit", params={"q": "report"})).text

    assert (key.startswith("ohk_"), len(key), made["scopes"]) == (True, 47, ["ai", "usage"])
    assert (used.status_code, code(scope), code(more)) == (
        200,
        (403, "not-this-way"),
        (403, "not-this-way"),
    )
    assert {**listed, "last_used_at": None} == made
    assert listed["last_used_at"] is not None
    assert key[8:] not in noted + str(listed)


async def test_a_key_may_do_what_its_scopes_name_and_nothing_of_administrators(
    hub: Served,
) -> None:
    ada = await hub.signed_in("ada")
    key = (await ada.post("/keys", json={**USAGE, "scopes": ["sync"]})).json()["key"]
    async with hub.browser(**bearer(key)) as program:
        other = await program.get("/usage")
        administrators = await program.get("/users")

    assert (code(other), code(administrators)) == ((403, "scope-missing"), (403, "not-this-way"))


async def test_a_revoked_key_is_refused_at_once_and_nobody_revokes_anothers(hub: Served) -> None:
    bob, ada = await hub.signed_in("bob"), await hub.signed_in("ada")
    own = (await bob.post("/keys", json=USAGE)).json()
    adas = (await ada.post("/keys", json=USAGE)).json()
    async with hub.browser(**bearer(own["key"])) as program:
        before = await program.get("/usage")
        foreign = await bob.delete(f"/keys/{adas['id']}")
        everybody = (await ada.get("/keys", params={"all": "true"})).json()["items"]
        too_much = await bob.get("/keys", params={"all": "true"})
        revoked = await ada.delete(f"/keys/{own['id']}")
        after = await program.get("/usage")

    assert (before.status_code, code(foreign), revoked.status_code) == (
        200,
        (404, "no-such-key"),
        204,
    )
    assert (code(after), code(too_much)) == ((401, "bad-key"), (403, "administrators-only"))
    assert {(one["owner"], one["id"]) for one in everybody} >= {
        ("bob", own["id"]),
        ("ada", adas["id"]),
    }


@pytest.mark.slow
async def test_keys_end_with_the_account(hub: Served) -> None:
    ada = await hub.signed_in("ada")
    made = await hub.hub.local.add(NewAccount("kim", PASSWORD))
    kim = await hub.signed_in("kim")
    key = (await kim.post("/keys", json=USAGE)).json()["key"]
    async with hub.browser(**bearer(key)) as program:
        before = (await program.get("/usage")).status_code
        await ada.patch(f"/users/{made['id']}", json={"is_active": False})
        off = await program.get("/usage")
        await ada.delete(f"/users/{made['id']}")
        gone = await program.get("/usage")

    assert (before, code(off), code(gone)) == (200, (401, "bad-key"), (401, "bad-key"))


@pytest.mark.slow
async def test_a_key_ends_at_its_time(tmp_path: Path) -> None:
    clock = MovingClock()
    async with running_hub(tmp_path, clock=clock) as served:
        await served.hub.local.add(NewAccount("bob", PASSWORD))
        bob = await served.signed_in("bob")
        soon = rfc3339(clock() + timedelta(seconds=1))
        key = (await bob.post("/keys", json={**USAGE, "expires_at": soon})).json()["key"]
        late = await bob.post("/keys", json={**USAGE, "expires_at": rfc3339(clock())})
        async with served.browser(**bearer(key)) as program:
            before = (await program.get("/usage")).status_code
            clock.passes(seconds=1)
            after = await program.get("/usage")

    assert (before, code(after), code(late)) == (200, (401, "bad-key"), (422, "already-over"))


@pytest.mark.parametrize(
    "key", ["ohk_", "ohk_guessed", "ohk_' OR 1=1 --", "ohk_" + "x" * 5000, "nothing"]
)
async def test_what_is_no_key_is_refused(hub: Served, key: str) -> None:
    async with hub.browser(**bearer(key)) as program:
        answer = await program.get("/usage")

    assert answer.status_code == 401


@pytest.mark.parametrize(
    "asked",
    [
        {"name": "", "scopes": ["usage"]},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["administrator"]},
        {"name": "x", "scopes": ["usage"], "expires_at": "2027-01-01T00:00:00"},
        {"name": "x", "scopes": ["usage"], "account_id": "someone else"},
        {"name": "x" * 101, "scopes": ["usage"]},
        {"name": "a\x00b", "scopes": ["usage"]},
        {"name": "x", "scopes": ["usage"], "expires_at": "9999-12-31T23:59:59-23:00"},
    ],
)
async def test_a_key_that_makes_no_sense_is_refused(hub: Served, asked: Json) -> None:
    answer = await (await hub.signed_in("bob")).post("/keys", json=asked)

    assert code(answer) == (422, "invalid-fields")
