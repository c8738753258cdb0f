"""The agent is killed while a file is on its way to a printer: nothing is printed twice."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.agent.program import Program, program
from tests.agent.slicer.printers.both import GCODE
from tests.agent.slicer.printers.door import FILES, HELD, PRINTERS, Json
from tests.agent.talking import body
from tests.fakes.printers import FakeOctoPrint, How
from tests.serving import http
from tests.sse import follow

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]
UPLOAD, ORDER = ("POST", "/api/files/local"), ("POST", "/api/files/local/cube.gcode")


@pytest.fixture
async def orca(tmp_path: Path) -> AsyncIterator[Program]:
    with program(tmp_path / "data", ORCA_AGENT_PRINTER_SECONDS="20") as one:
        yield one


async def started(orca: Program) -> httpx.AsyncClient:
    """A client of the agent, which was started just now."""
    agent = await asyncio.to_thread(orca.serve)
    headers = {"Authorization": f"Bearer {agent.token}"}
    return http(base_url=agent.url, headers=headers)


async def on_its_way(client: httpx.AsyncClient, fake: FakeOctoPrint) -> None:
    """A printer, and a file that is sent to it."""
    asked = {"name": "ender", "kind": "octoprint", "url": fake.url, "key": fake.key}
    body(await client.post(PRINTERS, json=asked), 201)
    headers = {"Content-Type": "application/octet-stream"}
    sent = await client.post(f"{FILES}?name=cube.gcode", content=GCODE, headers=headers)
    path = f"{FILES}/{body(sent, 201)['id']}/forward"
    body(await client.post(path, json={"printer": "ender", "print": True}), 202)


async def offered(client: httpx.AsyncClient) -> Json:
    items: list[Json] = body(await client.get(HELD))["items"]
    assert len(items) == 1
    return items[0]


async def released(client: httpx.AsyncClient) -> Json:
    """The job at its end, after it was sent once more."""
    job = await offered(client)
    answer = await client.post(f"{HELD}/{job['id']}/release")
    await follow(client, body(answer, answer.status_code)["run_id"])
    return body(await client.get(f"{HELD}/{job['id']}"))


async def killed(orca: Program, fake: FakeOctoPrint, how: How, *at: str) -> httpx.AsyncClient:
    """A client of the agent that was killed at this request, and started anew."""
    async with await started(orca) as client:
        fake.fail(at[0], at[1], how)
        await on_its_way(client, fake)
        await fake.until_asked(at[0], at[1])
    await asyncio.to_thread(orca.kill)
    return await started(orca)


async def test_a_file_that_was_half_sent_is_offered_again_and_printed_once(
    orca: Program,
) -> None:
    async with FakeOctoPrint() as fake:
        async with await killed(orca, fake, How.NEVER, *UPLOAD) as client:
            before = await offered(client)
            kept_half = dict(fake.files)
            job = await released(client)

        assert (before["state"], kept_half, job["state"]) == ("interrupted", {}, "forwarded")
        assert fake.started == ["cube.gcode"]
        assert fake.files["cube.gcode"].content == GCODE


async def test_an_order_that_was_followed_unheard_is_not_given_again(orca: Program) -> None:
    async with FakeOctoPrint() as fake:
        async with await killed(orca, fake, How.SILENT_AFTER, *ORDER) as client:
            before = await offered(client)
            job = await released(client)

        assert (before["state"], job["state"]) == ("interrupted", "forwarded")
        assert fake.started == ["cube.gcode"]
        assert fake.count(*ORDER) == 1


async def test_an_order_that_nobody_knows_of_is_left_to_a_person(orca: Program) -> None:
    async with FakeOctoPrint() as fake:
        async with await killed(orca, fake, How.NEVER, *ORDER) as client:
            asked = await released(client)
            orders = fake.count(*ORDER)
            again = await released(client)

        assert asked["state"] == "failed"
        assert asked["problem"]["type"] == "urn:orca:problem:start-unclear"
        assert orders == 1
        assert (again["state"], fake.started) == ("forwarded", ["cube.gcode"])
