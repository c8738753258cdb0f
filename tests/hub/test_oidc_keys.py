"""The provider's keys are fetched by one process for all, and each takes new ones."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from hub.identity.service import NewAccount
from hub.oidc.upkeep import REFRESH
from tests.clock import MovingClock
from tests.fakes.oidc.provider import FakeProvider, fake_provider
from tests.hub.oidc import settings_for, two_replicas
from tests.hub.serving import PASSWORD, running_hub

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]
Json = dict[str, Any]  # Any: JSON


async def refreshed(ada: httpx.AsyncClient, *states: str) -> Json:
    """The job, done now, as soon as it is in one of these states."""
    asked = await ada.post("/jobs", json={"name": REFRESH})
    assert asked.status_code == 202, asked.text
    async with asyncio.timeout(30):
        while True:
            job: Json = (await ada.get(f"/jobs/{asked.json()['id']}")).json()
            if job["state"] in states and (job["ended_at"] or job["problem"]):
                return job
            await asyncio.sleep(0.05)


async def ended(ada: httpx.AsyncClient, job_id: str) -> Json:
    async with asyncio.timeout(30):
        while True:
            job: Json = (await ada.get(f"/jobs/{job_id}")).json()
            if job["state"] in ("done", "failed"):
                return job
            await asyncio.sleep(0.05)


def fetched(provider: FakeProvider) -> int:
    return provider.asked["/keys"] + provider.asked["/.well-known/openid-configuration"]


async def test_what_one_replica_was_told_the_other_takes_without_asking(
    shared: dict[str, str], tmp_path: Path
) -> None:
    async with two_replicas(tmp_path, shared) as (one, two):
        await one.hub.hub.local.add(NewAccount("ada", PASSWORD, "administrator"))
        ada = await one.hub.signed_in("ada")
        first = await one.sign_in("00u-a", preferred_username="a")
        await two.sign_in("00u-b", preferred_username="b")
        one.clock.passes(minutes=10)
        one.provider.keys = ["second"]
        job = await refreshed(ada, "done")
        before = fetched(one.provider)
        others = [await one.sign_in("00u-a"), await two.sign_in("00u-b")]
        asked = fetched(one.provider) - before
        seen = [(await browser.get("/users/me")).status_code for browser in (first, *others)]
        schedules = (await ada.get("/jobs/queues")).json()["schedules"]

    assert (job["state"], job["result"], asked) == ("done", {"keys": 1}, 0)
    assert seen == [200, 200, 200]
    assert [one["period_s"] for one in schedules if one["name"] == REFRESH] == [1800]


async def test_a_provider_that_is_away_is_seen_on_the_page_of_jobs_and_tried_again(
    tmp_path: Path,
) -> None:
    clock = MovingClock()
    async with fake_provider(clock) as provider:
        told = settings_for(provider.issuer)
        async with running_hub(tmp_path, clock=clock, **told) as served:
            await served.hub.local.add(NewAccount("ada", PASSWORD, "administrator"))
            ada = await served.signed_in("ada")
            provider.status, provider.headers = 503, {}
            waiting = await refreshed(ada, "queued")
            provider.behaves()
            clock.passes(minutes=6)
            job = await ended(ada, waiting["id"])

    assert waiting["problem"].startswith("Okta does not answer")
    assert (job["attempts"], job["problem"], job["result"]) == (2, None, {"keys": 1})
