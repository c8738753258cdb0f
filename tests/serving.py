"""The real program behind a real Hypercorn on a free loopback port, as users run it."""

import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from quart import Quart

from agent.app import Agent, open_agent
from agent.runfile import read_token
from agent.runtime.rules import Pace
from agent.server import Server
from agent.settings import Settings, load
from agent.shared.clock import Clock, system_clock
from agent.shared.tasks import running

# Reading the certificate authorities takes longer than a whole start of the agent.
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
NOBODY = "http://127.0.0.1:9"  # the discard port: nothing listens there


@dataclass(frozen=True, slots=True)
class Served:
    """A running agent: `client` carries its main token, `stranger` carries nothing."""

    agent: Agent
    settings: Settings
    client: httpx.AsyncClient
    stranger: httpx.AsyncClient
    url: str
    token: str


def http(**about: Any) -> httpx.AsyncClient:  # Any: httpx's own keywords
    """A client for this machine alone."""
    return httpx.AsyncClient(**{"verify": NO_TLS, "trust_env": False, "timeout": 30, **about})


async def no_streams() -> None:
    """For a server that is closed: there are none to be ended."""


@asynccontextmanager
async def served_app(app: Quart, listener: socket.socket) -> AsyncIterator[Server]:
    """An app behind Hypercorn for as long as the block lasts."""
    server = Server(listener)
    server.open(app)
    async with running(server=server.run()):
        await server.answers()
        yield server


@asynccontextmanager
async def running_agent(
    data_dir: Path,
    *,
    ollama_url: str = NOBODY,
    clock: Clock = system_clock,
    pace: Pace = Pace(),  # noqa: B008 - frozen
    **settings: object,
) -> AsyncIterator[Served]:
    """The whole program, closed as `serve` closes it. Keyword arguments are settings."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        told = {"manage_ollama": "never", **settings}  # whatever is installed on this machine
        given = load(data_dir=data_dir, port=port, ollama_url=ollama_url, **told)
        url = f"http://127.0.0.1:{port}"
        async with (
            open_agent(given, clock=clock, pace=pace) as agent,
            served_app(agent.app, listener) as server,
        ):
            token = read_token(given.data_dir) or ""
            headers = {"Authorization": f"Bearer {token}"}
            async with (
                http(base_url=url, headers=headers) as client,
                http(base_url=url) as stranger,
            ):
                yield Served(agent, given, client, stranger, url, token)
            await server.close(agent.end_streams)
