"""A hub that trusts a provider, and somebody in a browser who signs in there."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from hub.identity.service import NewAccount
from hub.oidc.upkeep import REFRESH
from tests.clock import MovingClock
from tests.fakes.oidc.provider import CLIENT, SECRET, FakeProvider, fake_provider
from tests.hub.serving import PASSWORD, Served, running_hub
from tests.serving import http


@dataclass(slots=True)
class Trusting:
    """The hub, its provider and the clock of both."""

    hub: Served
    provider: FakeProvider
    clock: MovingClock

    async def begin(
        self, browser: httpx.AsyncClient, wanted: str = "/"
    ) -> tuple[str, httpx.Response]:
        """The way back from the provider's page, not gone yet."""
        first = await browser.get("/auth/okta/login", params={"next": wanted})
        assert first.status_code == 302, first.text
        async with http() as outside:
            second = await outside.get(first.headers["Location"])
        return second.headers["Location"], first

    async def finish(self, browser: httpx.AsyncClient, wanted: str = "/") -> httpx.Response:
        back, _ = await self.begin(browser, wanted)
        return await browser.get(back)

    async def ada(self) -> httpx.AsyncClient:
        """The Administrator's browser, always the same one."""
        known = [one for name, one in self.hub.people.items() if name.startswith("ada ")]
        return known[0] if known else await self.hub.signed_in("ada")

    async def sign_in(self, subject: str, **claims: Any) -> httpx.AsyncClient:  # Any: JSON
        """A browser in which somebody has; closed with the hub."""
        if claims:
            self.provider.people[subject] = claims
        self.provider.present = subject
        people = self.hub.people
        browser = people[f"{subject} {len(people)}"] = self.hub.browser()
        answer = await self.finish(browser)
        assert answer.status_code == 303, answer.text
        return browser


def settings_for(issuer: str) -> dict[str, Any]:  # Any: each setting has its own type
    return {"oidc_issuer": issuer, "oidc_client_id": CLIENT, "oidc_client_secret": SECRET}


@asynccontextmanager
async def trusting_hub(
    folder: Path, environment: Mapping[str, str] | None = None, **settings: Any
) -> AsyncIterator[Trusting]:  # Any: as above
    """With the local Administrator ada. That the provider is asked for its keys by itself would
    be counted with what tests count: only those let it that are about it."""
    clock = MovingClock()
    async with fake_provider(clock) as provider:
        told = {**settings_for(provider.issuer), **settings}
        async with running_hub(folder, environment=environment, clock=clock, **told) as hub:
            del hub.hub.jobs.jobs.known[REFRESH]
            await hub.hub.local.add(NewAccount("ada", PASSWORD, "administrator"))
            yield Trusting(hub, provider, clock)


@asynccontextmanager
async def two_replicas(
    folder: Path, environment: Mapping[str, str]
) -> AsyncIterator[tuple[Trusting, Trusting]]:
    """Of one hub, with what they share in `environment`, which ask the same provider for its keys
    by themselves."""
    clock = MovingClock()
    async with fake_provider(clock) as provider:
        told = settings_for(provider.issuer)
        async with (
            running_hub(folder / "one", environment=environment, clock=clock, **told) as one,
            running_hub(folder / "two", environment=environment, clock=clock, **told) as two,
        ):
            yield Trusting(one, provider, clock), Trusting(two, provider, clock)
