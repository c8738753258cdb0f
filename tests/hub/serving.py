"""The real hub behind a real Hypercorn on a free loopback port, on SQLite or PostgreSQL."""

import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from agent.shared.clock import Clock, system_clock
from hub.app import Hub, open_hub
from hub.serve import serving
from hub.settings import Settings, load
from tests.serving import http

PASSWORD = "four words make one"
RATES = ("rate_per_user", "rate_per_key", "rate_per_address", "rate_of_logins")


@dataclass(slots=True)
class Served:
    """A running hub. `stranger` carries nothing, and sends what a page of the hub would."""

    hub: Hub
    settings: Settings
    url: str
    stranger: httpx.AsyncClient
    people: dict[str, httpx.AsyncClient] = field(default_factory=dict)

    def browser(self, **headers: str) -> httpx.AsyncClient:
        """Another one, with a jar of its own. Whoever asks for it closes it."""
        return http(base_url=f"{self.url}/api/v1", headers={"Origin": self.url, **headers})

    async def signed_in(self, name: str, password: str = PASSWORD) -> httpx.AsyncClient:
        """A browser in which somebody has signed in; closed with the hub."""
        browser = self.people[f"{name} {len(self.people)}"] = self.browser()
        answer = await browser.post("/auth/login", json={"username": name, "password": password})
        assert answer.status_code == 204, answer.text
        return browser


@asynccontextmanager
async def running_hub(
    data_dir: Path,
    *,
    environment: Mapping[str, str] | None = None,
    clock: Clock = system_clock,
    **settings: Any,  # Any: each setting has its own type
) -> AsyncIterator[Served]:
    """The whole program, which counts no requests unless it is told to. Keyword arguments are
    settings."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        free = {name: "" for name in RATES if f"ORCA_HUB_{name.upper()}" not in (environment or {})}
        given = load(environment or {}, data_dir=data_dir, port=port, **(free | settings))
        url = f"http://127.0.0.1:{port}"
        async with (
            open_hub(given, clock=clock) as hub,
            serving(hub, given, listener),
            http(base_url=f"{url}/api/v1", headers={"Origin": url}) as stranger,
        ):
            served = Served(hub, given, url, stranger)
            yield served
            for browser in served.people.values():
                await browser.aclose()
