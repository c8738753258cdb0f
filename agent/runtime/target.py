"""Which address a child gets: the one that was set where it can be had, else a free port."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from agent import ports
from agent.runtime import owners, probe
from agent.runtime.probe import Look
from agent.runtime.rules import HOST, Sight

LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True, slots=True)
class Target:
    """Where the settings say that Ollama is."""

    url: str
    host: str
    port: int
    is_here: bool

    @classmethod
    def of(cls, url: str) -> "Target":
        """`url` as agent.inference.addresses makes it. Only a plain loopback address without a
        path can be that of a child: anything else is another computer, or a proxy."""
        parts = urlsplit(url)
        host = (parts.hostname or "").rstrip(".")
        is_here = parts.scheme == "http" and host in LOOPBACK and not parts.path.strip("/")
        return cls(url, host, parts.port or 80, is_here)

    def url_at(self, port: int) -> str:
        """The address of a child on this port."""
        if port == self.port and self.host in {HOST, "localhost"}:
            return self.url
        return f"http://{HOST}:{port}"


async def look_at(target: Target, within_s: float) -> Look:
    """What is at the address. Where that says nothing, the name of the process decides: an Ollama
    that is busy or hangs is left alone, another program is gone around."""
    found = await probe.look(target.host, target.port, within_s)
    if found.sight is Sight.UNCLEAR:
        holder = await asyncio.to_thread(owners.holder, target.port)
        if holder and holder.pid and holder.name and not owners.is_ollama(holder):
            return Look(Sight.STRANGER)
    return found


async def port_for(target: Target, within_s: float) -> tuple[int, str | None]:
    """The port for a child, and a sentence if it is not the one that was set.

    Raises OSError if there is none."""
    if (reason := probe.why_not_free(target.port)) is None:
        return target.port, None
    if (await look_at(target, within_s)).sight in {Sight.OLLAMA, Sight.UNCLEAR}:
        return target.port, None
    port = probe.a_free_port()
    why = ports.why(reason, target.port)
    return port, f"{why} For the time being the agent's own Ollama uses port {port}."


def binary_problem(given: Path | None) -> str:
    """Why there is no program to start."""
    if given is not None:
        return f"There is no program at {given} (the setting ollama_binary)."
    return "Ollama is not installed, or at none of the usual places. Get it at ollama.com."
