"""Printers and files through the front door of a running agent."""

import asyncio
from dataclasses import dataclass
from itertools import count
from typing import Any

from tests.agent.slicer.printers.both import GCODE
from tests.agent.talking import body
from tests.fakes.printers import FakePrinter, FakePrusaLink
from tests.serving import Served
from tests.sse import follow

Json = dict[str, Any]  # Any: JSON values
PRINTERS, FILES, HELD = "/api/v1/printers", "/api/v1/slicer/files", "/api/v1/slicer/held"
NUMBERS = count(1)


async def added(served: Served, fake: FakePrinter, kind: str, **more: object) -> Json:
    """The fake as a printer of the agent."""
    user = fake.user if isinstance(fake, FakePrusaLink) else ""
    asked = {
        "name": f"printer-{next(NUMBERS)}",
        "kind": kind,
        "url": fake.url,
        "key": fake.key,
        "user": user,
        **more,
    }
    return body(await served.client.post(PRINTERS, json=asked), 201)


async def uploaded(served: Served, content: bytes = GCODE, name: str = "cube.gcode") -> Json:
    headers = {"Content-Type": "application/octet-stream"}
    path = f"{FILES}?name={name}"
    return body(await served.client.post(path, content=content, headers=headers), 201)


@dataclass(frozen=True, slots=True)
class Sent:
    """A job that came to its end, and what its run told."""

    job: Json
    statuses: list[str]
    last: str
    problem: str

    @property
    def state(self) -> str:
        return str(self.job["state"])


async def sent(served: Served, file: Json, printer: Json, *, wants_print: bool = True) -> Sent:
    """Sends a file from the panel, and waits for its end."""
    asked = {"printer": printer["id"], "print": wants_print}
    path = f"{FILES}/{file['id']}/forward"
    return await ended(served, body(await served.client.post(path, json=asked), 202))


async def released(served: Served, job: Json) -> Sent:
    """Sends it once more, and waits for its end."""
    answer = await served.client.post(f"{HELD}/{job['id']}/release")
    return await ended(served, body(answer, answer.status_code))


async def decided(served: Served, job: Json) -> Json:
    """The job of a file that the slicer sent, once its moves were read."""
    async with asyncio.timeout(20):
        while job["state"] in ("checking", "waiting"):
            await asyncio.sleep(0.02)
            job = body(await served.client.get(f"{HELD}/{job['id']}"))
    return job


async def ended(served: Served, job: Json) -> Sent:
    """What became of a job that is on its way."""
    events = await follow(served.client, job["run_id"])
    statuses = [str(event.data["status"]) for event in events if event.name == "progress"]
    told = [one for at, one in enumerate(statuses) if at == 0 or statuses[at - 1] != one]
    now = body(await served.client.get(f"{HELD}/{job['id']}"))
    problem = str((now["problem"] or {}).get("type", "")).removeprefix("urn:orca:problem:")
    return Sent(now, told, events[-1].name, problem)
