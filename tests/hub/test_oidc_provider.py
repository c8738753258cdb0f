"""The hub with a whole provider of OpenID Connect, oidc-provider, in Okta's place."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from agent.shared.clock import system_clock
from tests.fakes.oidc import npm
from tests.hub.serving import Served, running_hub
from tests.serving import http

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.slow,
    pytest.mark.timeout(180),
]
PEOPLE: dict[str, dict[str, Any]] = {  # Any: JSON
    "alice": {"name": "Alice A.", "email": "alice@example.org", "groups": ["orca-admins", "all"]},
    "bob": {"groups": ["all"]},
}


@dataclass(slots=True)
class Later:
    """The provider's clock, and how far the hub's is ahead of it."""

    ahead: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        return system_clock() + self.ahead


@dataclass(slots=True)
class Whole:
    hub: Served
    issuer: str
    clock: Later


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def whole(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Whole]:
    if not npm.is_there() and os.environ.get("CI") != "true":
        pytest.skip("There is no Node.js with npm.")
    await asyncio.to_thread(npm.install)
    folder: Path = tmp_path_factory.mktemp("whole")
    port, clock = npm.free_port(), Later()
    issuer = f"http://127.0.0.1:{port}"
    told: dict[str, Any] = {  # Any: each setting has its own type
        "oidc_preset": "generic",
        "oidc_issuer": issuer,
        "oidc_client_id": npm.CLIENT,
        "oidc_client_secret": npm.SECRET,
        "oidc_name": "The company",
        "oidc_prompt": "consent",  # without which it gives no offline_access
    }
    async with (
        running_hub(folder / "data", clock=clock, **told) as hub,
        npm.oidc_provider(port, hub.url, PEOPLE),
    ):
        clock.ahead += timedelta(seconds=11)  # the hub looked for it before it was there
        yield Whole(hub, issuer, clock)


async def signed_in(whole: Whole, name: str, pages: httpx.AsyncClient) -> httpx.AsyncClient:
    """`pages` keeps what the provider remembers of somebody."""
    people = whole.hub.people
    browser = people[f"{name} {len(people)}"] = whole.hub.browser()
    first = await browser.get("/auth/oidc/login", params={"next": "/machines"})
    there = first.headers["Location"]
    back = await npm.through_its_pages(pages, there, whole.issuer, name=name)
    last = await browser.get(back)
    assert (last.status_code, last.headers.get("Location")) == (303, "/machines"), last.text
    return browser


async def test_signing_out_of_the_provider_signs_out_of_the_hub(whole: Whole) -> None:
    async with http() as pages:
        alice = await signed_in(whole, "alice", pages)
        before = await alice.get("/users/me")
        query = httpx.QueryParams(
            client_id=npm.CLIENT, post_logout_redirect_uri=f"{whole.hub.url}/"
        )
        address = f"{whole.issuer}/session/end?{query}"
        await npm.through_its_pages(pages, address, whole.issuer)
        after = await alice.get("/users/me")

    assert (before.status_code, after.status_code) == (200, 401)


async def test_people_sign_in_with_groups_and_stay_signed_in(whole: Whole) -> None:
    async with http() as pages, http() as others:
        alice = await signed_in(whole, "alice", pages)
        bob = await signed_in(whole, "bob", others)
        roles = [(await one.get("/users/me")).json()["role"] for one in (alice, bob)]
        logins = (await alice.get("/auth/oidc/logins")).json()["items"]
        answers = []
        for _ in range(3):  # a token that were sent twice would end all of it
            whole.clock.ahead += timedelta(minutes=11)
            asked = (alice.get("/users/me") for _ in range(20))
            answers += [one.status_code for one in await asyncio.gather(*asked)]

    assert roles == ["administrator", "user"]
    assert [(one["account"], one["groups"], one["found"]) for one in logins[:2]] == [
        ("bob", ["all"], "list"),
        ("alice", ["all", "orca-admins"], "list"),
    ]
    assert answers == [200] * 60


async def test_signing_out_of_the_hub_signs_out_of_the_provider(whole: Whole) -> None:
    async with http() as pages:
        alice = await signed_in(whole, "alice", pages)
        to = (await alice.post("/auth/oidc/logout")).json()["redirect_to"]
        back = await npm.through_its_pages(pages, to, whole.issuer)
        again = await alice.get("/users/me")

    assert (back, again.status_code) == (f"{whole.hub.url}/", 401)
