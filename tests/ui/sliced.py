"""Sliced files in the browser: made by our own script, dropped, sent, and looked at."""

import asyncio
import base64
from typing import Any

import psutil
from playwright.async_api import Locator, expect

from tests.slicing.gcode import Part, orca

from .pages import opened
from .panel import Panel
from .program import Program

DROP = """([name, data]) => {
  const bytes = Uint8Array.from(atob(data), (one) => one.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name));
  for (const kind of ["dragover", "drop"]) {
    const how = { dataTransfer: transfer, bubbles: true, cancelable: true };
    window.dispatchEvent(new DragEvent(kind, how));
  }
}"""
HOT = {"nozzle_temperature": "285", "outer_wall_speed": "260"}
NAME = "hot_tower.gcode"


def hot_tower(layers: int = 30) -> bytes:
    """A print that a check stops: far hotter than its PLA takes."""
    return orca(Part(layers=layers, speed=200), settings=HOT).encode()


def good_tower() -> bytes:
    return orca(Part(layers=20)).encode()


def long_tower() -> bytes:
    """Nothing is wrong with it, and to read its moves takes long enough to be told of it."""
    moves = "G1 X101 Y100\nG1 X100 Y100\n" * 4_000_000
    return orca(Part(layers=20)).replace("M107", f"{moves}M107", 1).encode()


async def drop(panel: Panel, data: bytes, name: str = NAME) -> None:
    """Onto the page, wherever it is."""
    await panel.page.evaluate(DROP, [name, base64.b64encode(data).decode()])


async def sent(agent: Program, data: bytes, name: str = NAME) -> dict[str, Any]:  # Any: JSON
    """Kept by the agent, without the page."""
    async with agent.client() as client:
        answer = await client.post("/slicer/files", files={"file": (name, data)})
        found: dict[str, Any] = answer.raise_for_status().json()
        return found


async def sent_by_slicer(agent: Program, printer: str, data: bytes, name: str = NAME) -> None:
    """As OrcaSlicer sends to an OctoPrint, with the wish to print."""
    made = await agent.post("/tokens", {"name": "A slicer", "scopes": ["printhost"]})
    async with agent.client() as client:
        answer = await client.post(
            f"{agent.url}/printhost/{printer}/api/files/local",
            headers={"X-Api-Key": made["token"], "Authorization": ""},
            data={"print": "true", "path": ""},
            files={"file": (name, data)},
        )
        answer.raise_for_status()


async def reading_held(agent: Program, *, job: bool = False) -> None:
    """The process that reads every move stands still from now on, until somebody ends it: what
    comes then is not a matter of how quick the machine is. With `job` it has told how far it is,
    to the job that waits for it."""
    async with asyncio.timeout(20):
        while job and not await _is_told_of(agent):  # noqa: ASYNC110 - another process: ask it
            await asyncio.sleep(0.01)
        while not (readers := _readers(agent)):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)
    for one in readers:
        one.suspend()


async def _is_told_of(agent: Program) -> bool:
    (job,) = (await agent.get("/slicer/held"))["items"]
    return bool(job["run_id"]) and (await agent.get(f"/runs/{job['run_id']}"))["last_seq"] > 1


def _readers(agent: Program) -> list[psutil.Process]:
    if agent.process is None:
        return []
    below = psutil.Process(agent.process.pid).children(recursive=True)
    return [one for one in below if any("gcode.worker" in word for word in one.cmdline())]


async def report_of(panel: Panel, file_id: str) -> Locator:
    """The file's report, all of it there."""
    await opened(panel, f"files/{file_id}")
    report = panel.page.get_by_test_id("report")
    await expect(report.get_by_test_id("facts")).to_be_visible()
    return report
