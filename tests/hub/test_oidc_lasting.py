"""Computers and keys of people whom a provider vouches for end up with the person."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.hub.oidc import Trusting, trusting_hub
from tests.hub.serving import PASSWORD
from tests.hub.test_machines import connected
from tests.serving import http

pytestmark = pytest.mark.slow
KEY = {"name": "k", "scopes": ["usage"]}
Json = dict[str, Any]  # Any: JSON


def code(answer: httpx.Response) -> tuple[int, str] | int:
    if answer.is_success:
        return answer.status_code
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


UNSURE = (403, "provider-unsure")


class Lasting:
    """A computer and a key of somebody, and what becomes of them."""

    def __init__(self, oidc: Trusting, machine: Json, key: str) -> None:
        self._oidc, self._machine, self._key = oidc, machine, key

    @classmethod
    async def of(cls, oidc: Trusting, browser: httpx.AsyncClient) -> "Lasting":
        made = await browser.post("/keys", json=KEY)
        return cls(oidc, await connected(oidc.hub, browser), made.json()["key"])

    async def tried(self) -> tuple[object, object, object]:
        """The computer's refresh, its access with what it has then, and the key."""
        async with http(base_url=f"{self._oidc.hub.url}/api/v1") as client:
            asked = {"refresh_token": self._machine["refresh_token"]}
            renewed = await client.post("/auth/refresh", json=asked)
            if renewed.is_success:
                self._machine = renewed.json()
            by = {"Authorization": f"Bearer {self._machine['access_token']}"}
            access = await client.get("/machines/me", headers=by)
            key = await client.get("/quotas/me", headers={"Authorization": f"Bearer {self._key}"})
        return code(renewed), code(access), code(key)


async def test_machines_and_keys_wait_when_the_provider_was_not_heard_for_days(
    tmp_path: Path,
) -> None:
    async with trusting_hub(tmp_path / "data", oidc_recheck_days=3) as oidc:
        ida = await oidc.sign_in("ida", preferred_username="ida")
        lasting = await Lasting.of(oidc, ida)
        local = await oidc.hub.signed_in("ada")
        own = await Lasting.of(oidc, local)
        seen = [await lasting.tried()]
        oidc.clock.passes(hours=11)
        await ida.get("/users/me")  # which asks the provider
        oidc.clock.passes(days=2, hours=20)
        seen.append(await lasting.tried())
        oidc.clock.passes(hours=5)
        seen.append(await lasting.tried())
        told = await refused(oidc, lasting)
        of_local = await own.tried()
        await oidc.sign_in("ida")
        seen.append(await lasting.tried())

    well = (200, 200, 200)
    assert seen[:2] == [well, well]
    assert (seen[2][0], seen[2][2]) == (UNSURE, UNSURE)
    assert (of_local, seen[3]) == (well, well)
    assert told == (
        "Okta was last heard about you more than 3 days ago. Sign in again in the browser, at "
        f"{oidc.hub.url}: computers and keys go on then."
    )


async def refused(oidc: Trusting, lasting: Lasting) -> str:
    async with http(base_url=f"{oidc.hub.url}/api/v1") as client:
        by = {"Authorization": f"Bearer {lasting._key}"}
        detail: str = (await client.get("/quotas/me", headers=by)).json()["detail"]
    return detail


async def test_whom_the_provider_knows_no_more_has_no_machine_and_no_key_until_it_does(
    tmp_path: Path,
) -> None:
    async with trusting_hub(tmp_path / "data", oidc_recheck_days=0) as oidc:
        ida = await oidc.sign_in("ida", preferred_username="ida")
        lasting = await Lasting.of(oidc, ida)
        oidc.provider.grants.clear()  # removed there
        oidc.clock.passes(minutes=11)
        ended = await ida.get("/users/me")
        gone = await lasting.tried()
        public = await with_key(oidc, lasting, "/health/live")
        oidc.clock.passes(days=20)
        still = await lasting.tried()
        await oidc.sign_in("ida")
        back = await lasting.tried()

    assert ended.status_code == 401
    assert gone == still == (UNSURE, UNSURE, UNSURE)
    assert (public, back) == (200, (200, 200, 200))


async def with_key(oidc: Trusting, lasting: Lasting, path: str) -> int:
    async with http(base_url=f"{oidc.hub.url}/api/v1") as client:
        by = {"Authorization": f"Bearer {lasting._key}"}
        return (await client.get(path, headers=by)).status_code


async def test_without_a_limit_of_days_they_go_on_and_signing_out_stops_nothing(
    tmp_path: Path,
) -> None:
    async with trusting_hub(tmp_path / "data", oidc_recheck_days=0) as oidc:
        ida = await oidc.sign_in("ida", preferred_username="ida")
        lasting = await Lasting.of(oidc, ida)
        await ida.post("/auth/oidc/logout")
        oidc.clock.passes(days=20)
        later = await lasting.tried()

    assert later == (200, 200, 200)


async def test_who_may_use_a_password_here_does_not_depend_on_the_provider(tmp_path: Path) -> None:
    async with trusting_hub(tmp_path / "data", oidc_recheck_days=1) as oidc:
        ida = await oidc.sign_in("ida", preferred_username="ida")
        lasting = await Lasting.of(oidc, ida)
        oidc.clock.passes(days=2)
        before = (await lasting.tried())[2]
        account = await oidc.hub.hub.users.named("ida")
        ada = await oidc.hub.signed_in("ada")
        link = (await ada.post(f"/users/{account['id']}/reset", json={})).json()["link"]
        asked = {"link": link.partition("#")[2], "password": PASSWORD}
        await oidc.hub.stranger.post("/auth/reset", json=asked)
        again = await oidc.hub.signed_in("ida")
        after = await (await Lasting.of(oidc, again)).tried()

    assert (before, after) == (UNSURE, (200, 200, 200))
