"""An agent and a hub beside each other, and a person who lets the one into the other."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from hub.identity.service import NewAccount
from tests.fakes.ollama import FakeOllama
from tests.hub.serving import PASSWORD, Served, running_hub
from tests.serving import http

Json = dict[str, Any]  # Any: JSON values
TEAM = "/api/v1/team"
PATIENCE_S = 20.0


@asynccontextmanager
async def a_hub(
    folder: Path, *ollamas: FakeOllama, default_model: str = ""
) -> AsyncIterator[Served]:
    """With an Administrator ada and a User bob, and the models of servers of its own."""
    urls = ",".join(one.url for one in ollamas)
    environment = {"ORCA_HUB_OLLAMA_URLS": urls} if urls else {}
    if default_model:
        environment["ORCA_HUB_DEFAULT_MODEL"] = default_model
    async with running_hub(folder, environment=environment) as served:
        await served.hub.local.add(NewAccount("ada", PASSWORD, "administrator"))
        await served.hub.local.add(NewAccount("bob", PASSWORD))
        yield served


async def team(agent: httpx.AsyncClient) -> Json:
    said: Json = (await agent.get(TEAM)).json()
    return said


async def until(agent: httpx.AsyncClient, holds: Callable[[Json], bool]) -> Json:
    """How the team stands as soon as something is true of it."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            if holds(said := await team(agent)):
                return said
            await asyncio.sleep(0.01)


async def begun(agent: httpx.AsyncClient, url: str, **more: object) -> Json:
    answer = await agent.post(f"{TEAM}/login", json={"url": url, "machine_name": "pi", **more})
    assert answer.status_code == 202, answer.text
    said: Json = answer.json()
    return said


async def let_in(person: httpx.AsyncClient, address: str, **answer: bool) -> httpx.Response:
    """What a browser does with the address that the agent shows."""
    async with http() as browser:
        led = await browser.get(address)
        asked = dict(parse_qsl(urlsplit(led.headers["Location"]).query))
        said = await person.post("/auth/machine/approve", json={**asked, **answer})
        return await browser.get(said.json()["redirect_to"])


async def signed_in(agent: httpx.AsyncClient, hub: Served, name: str = "bob") -> Json:
    """The agent belongs to the hub, as that person's machine."""
    said = await begun(agent, hub.url)
    await let_in(await hub.signed_in(name), said["login"]["address"])
    return await until(agent, lambda one: one["state"] == "on" and one["policy"] is not None)
