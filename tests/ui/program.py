"""The agent as the program that users start, at an address that a restart keeps."""

import asyncio
import itertools
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from agent.runfile import read_token

ROOT = Path(__file__).parents[2]
NOBODY = "http://127.0.0.1:9"  # the discard port: nothing listens there
KEPT = {"PATH", "SYSTEMROOT", "TMPDIR", "LANG"}


def _ports() -> Iterator[int]:
    """Below the range that the system hands out by itself: while an agent is down, nobody else
    gets its port, not even a connection to it."""
    first = 20_000 + os.getpid() % 150 * 80
    for port in itertools.cycle(range(first, first + 80)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        yield port


PORTS = _ports()


@dataclass
class Program:
    """`orca-agent serve` with a data folder of its own. `client` carries its main token."""

    data_dir: Path
    ollama_url: str = NOBODY
    settings: dict[str, object] = field(default_factory=dict)
    port: int = field(default_factory=lambda: next(PORTS))
    process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def said(self) -> Path:
        """What it last wrote to the terminal."""
        return self.data_dir.parent / f"said-{self.port}.txt"

    async def start(self) -> None:
        """Returns once it answers."""
        given = {f"ORCA_AGENT_{name.upper()}": str(value) for name, value in self.settings.items()}
        with self.said.open("wb") as said:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "agent", "serve", "--no-browser"),
                cwd=ROOT,
                env={
                    **{name: value for name, value in os.environ.items() if name in KEPT},
                    "HOME": str(self.data_dir.parent),
                    "ORCA_AGENT_DATA_DIR": str(self.data_dir),
                    "ORCA_AGENT_PORT": str(self.port),
                    "ORCA_AGENT_OLLAMA_URL": self.ollama_url,
                    **given,
                },
                stdin=asyncio.subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )
        async with asyncio.timeout(20), httpx.AsyncClient(trust_env=False) as client:
            while not await self._lives(client):  # noqa: ASYNC110 - another process: ask it
                await asyncio.sleep(0.05)

    async def end(self, number: int = signal.SIGTERM) -> None:
        """Sends the signal and waits until the process is gone."""
        process, self.process = self.process, None
        if process is None:
            return
        if process.returncode is None:
            process.send_signal(number)
        async with asyncio.timeout(30):
            await process.wait()

    async def restart(self, number: int = signal.SIGTERM) -> None:
        await self.end(number)
        await self.start()

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        headers = {"Authorization": f"Bearer {read_token(self.data_dir)}"}
        async with httpx.AsyncClient(
            base_url=f"{self.url}/api/v1", headers=headers, timeout=60, trust_env=False
        ) as client:
            yield client

    async def get(self, path: str, **query: str) -> Any:  # Any: JSON
        async with self.client() as client:
            return (await client.get(path, params=query)).raise_for_status().json()

    async def post(self, path: str, body: object) -> Any:  # Any: JSON
        async with self.client() as client:
            return (await client.post(path, json=body)).raise_for_status().json()

    async def link(self) -> str:
        """A link that signs one page in, as `orca-agent url` prints it."""
        url: str = (await self.post("/tickets", {}))["url"]
        return url

    async def messages(self, conversation_id: str) -> list[dict[str, Any]]:  # Any: JSON
        items: list[dict[str, Any]] = (
            await self.get(f"/conversations/{conversation_id}/messages", limit="200")
        )["items"]
        return items

    async def forget_everything(self) -> None:
        """Deletes every conversation, printer, sliced file and piece of advice, and refuses
        everybody who waits to be let in."""
        async with self.client() as client:
            for job in (await client.get("/slicer/held")).json()["items"]:
                await client.post(f"/slicer/held/{job['id']}/reject")
            for path in ("/printers", "/slicer/files", "/slicer/advice"):
                for one in (await client.get(path)).json()["items"]:
                    await client.delete(f"{path}/{one['id']}")
            for waiting in (await client.get("/pairing")).json()["items"]:
                await client.post(f"/pairing/{waiting['id']}/refuse")
            for archived in ("false", "true"):
                query = {"archived": archived, "limit": "100"}
                for one in (await client.get("/conversations", params=query)).json()["items"]:
                    await client.delete(f"/conversations/{one['id']}")

    async def _lives(self, client: httpx.AsyncClient) -> bool:
        if self.process is None or self.process.returncode is not None:
            raise RuntimeError(f"The agent ended: {self.said.read_text('utf-8')[-2000:]}")
        try:
            # It listens before it is whole; this one is only answered by the whole program.
            return (await client.get(f"{self.url}/api/v1/session")).status_code == 401
        except httpx.HTTPError:
            return False


@asynccontextmanager
async def program(
    data_dir: Path, ollama_url: str = NOBODY, **settings: object
) -> AsyncIterator[Program]:
    """A running agent that ends with the block."""
    one = Program(data_dir, ollama_url, settings)
    try:
        await one.start()
        yield one
    finally:
        await one.end(signal.SIGKILL)
