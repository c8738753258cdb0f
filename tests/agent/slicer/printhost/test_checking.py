"""Every move of a file for a printer is read before it goes on, or is held."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx
import psutil
import pytest
import pytest_asyncio

from tests.agent.slicer.printers.door import FILES, HELD, Json, added, decided, ended
from tests.agent.slicer.sending import curl_form
from tests.agent.talking import body, problem
from tests.fakes.printers import FakeOctoPrint
from tests.serving import Served, http, running_agent
from tests.slicing import gcode

pytestmark = pytest.mark.asyncio(loop_scope="module")
OUTSIDE = gcode.orca(gcode.Part(origin=(215.0, 100.0))).encode()
FINE = gcode.orca()
LONG = FINE.replace("M107", "G1 X101 Y100\nG1 X100 Y100\n" * 700_000 + "M107", 1).encode()


@pytest_asyncio.fixture(loop_scope="module")
async def fake() -> AsyncIterator[FakeOctoPrint]:
    async with FakeOctoPrint() as one:
        yield one


async def sent_by_slicer(
    served: Served, printer: str, data: bytes, name: str = "cube.gcode"
) -> httpx.Response:
    token = await served.client.post(
        "/api/v1/tokens", json={"name": "slicer", "scopes": ["printhost"]}
    )
    form = curl_form(("print", "true"), ("path", ""), ("file", (name, data)))
    async with http(base_url=served.url, headers={"X-Api-Key": token.json()["token"]}) as slicer:
        return await slicer.post(f"/printhost/{printer}/api/files/local", **form)


async def begun(served: Served, printer: Json, data: bytes) -> Json:
    """The job of a file whose moves are being read."""
    told = body(await sent_by_slicer(served, printer["id"], data), 201)
    assert told["state"] == "checking"
    return body(await served.client.get(f"{HELD}/{told['job_id']}"))


async def reading(served: Served, job: Json) -> Json:
    """The job as soon as it knows the run that reads."""
    while not job["run_id"]:
        assert job["state"] in ("checking", "waiting"), job
        await asyncio.sleep(0.01)
        job = body(await served.client.get(f"{HELD}/{job['id']}"))
    return job


async def test_what_only_the_moves_tell_holds_it_and_is_shown(
    served: Served, fake: FakeOctoPrint
) -> None:
    printer = await added(served, fake, "octoprint")

    held = await decided(served, await begun(served, printer, OUTSIDE))
    items = (await served.client.get(HELD)).json()["items"]
    findings = next(one["file"]["findings"] for one in items if one["id"] == held["id"])

    assert (held["state"], held["reason"], held["problem"]) == ("held", "blocking", None)
    assert "outside-area" in [one["id"] for one in findings if one["severity"] == "blocking"]
    assert (fake.files, fake.started) == ({}, [])


async def test_where_nothing_is_held_nothing_is_read_first(
    served: Served, fake: FakeOctoPrint
) -> None:
    printer = await added(served, fake, "octoprint", hold="never")

    told = body(await sent_by_slicer(served, printer["id"], OUTSIDE), 201)
    job = body(await served.client.get(f"{HELD}/{told['job_id']}"))
    sent = await ended(served, job)

    file = (await served.client.get(f"{FILES}/{job['file_id']}")).json()
    assert (told["state"], sent.state, file["has_analysis"]) == ("forwarding", "forwarded", False)


async def test_moves_that_cannot_be_read_hold_it_with_the_reason(
    served: Served, fake: FakeOctoPrint
) -> None:
    printer = await added(served, fake, "octoprint")

    job = await begun(served, printer, LONG)
    held = await cut_off(served, job)
    asked = {"print": False}
    released = await served.client.post(f"{HELD}/{job['id']}/release", json=asked)
    sent = await ended(served, body(released))

    assert (held["state"], held["reason"]) == ("held", "unchecked")
    assert held["problem"]["type"] == "urn:orca:problem:analysis-failed"
    assert (sent.state, sent.job["wants_print"], len(fake.files), fake.started) == (
        "forwarded",
        False,
        1,
        [],
    )


async def test_whoever_stops_the_reading_has_not_let_the_print_go(
    served: Served, fake: FakeOctoPrint
) -> None:
    printer = await added(served, fake, "octoprint")

    stopped = await reading(served, await begun(served, printer, LONG))
    too_early = await served.client.post(f"{HELD}/{stopped['id']}/release")
    await served.client.post(f"/api/v1/runs/{stopped['run_id']}/cancel")
    held = await decided(served, stopped)
    other = await begun(served, printer, LONG)
    rejected = body(await served.client.post(f"{HELD}/{other['id']}/reject"))
    await served.client.delete(f"{FILES}/{other['file_id']}")

    assert problem(too_early) == (409, "job-not-held")
    assert (held["state"], held["reason"]) == ("held", "unchecked")
    assert (rejected["state"], fake.files) == ("rejected", {})


async def test_reading_that_takes_too_long_holds_it(
    tmp_path_factory: pytest.TempPathFactory, fake: FakeOctoPrint
) -> None:
    folder = tmp_path_factory.mktemp("hasty") / "data"
    async with running_agent(folder, slicer_check_seconds=0.01) as hasty:
        printer = await added(hasty, fake, "octoprint")
        held = await decided(hasty, await begun(hasty, printer, LONG))

    assert (held["state"], held["reason"]) == ("held", "unchecked")
    assert held["problem"]["type"] == "urn:orca:problem:analysis-too-slow"
    assert fake.files == {}


async def test_what_a_printer_does_not_print_is_refused_at_once(
    served: Served, fake: FakeOctoPrint
) -> None:
    printer = await added(served, fake, "octoprint")

    refused = await sent_by_slicer(served, printer["id"], FINE.encode(), "cube.gcode.3mf")
    newest = (await served.client.get(FILES)).json()["items"][:1]
    kept = body(await sent_by_slicer(served, "default", FINE.encode(), "cube.gcode.3mf"), 201)

    sentence = (
        f"{printer['name']} takes G-code (.gcode), and cube.gcode.3mf is none. Export the plate "
        "as G-code and send that."
    )
    assert (refused.status_code, refused.text) == (422, sentence)
    assert "cube.gcode.3mf" not in [one["name"] for one in newest]
    forward = {"printer": printer["id"], "print": False}
    job = body(await served.client.get(f"{HELD}/{kept['job_id']}"))
    sent = await served.client.post(f"{FILES}/{job['file_id']}/forward", json=forward)
    assert problem(sent) == (422, "not-printable")


async def cut_off(served: Served, job: Json) -> Json:
    """The job of a file, once what read its moves was killed."""
    async with asyncio.timeout(20):
        while job["state"] == "checking":
            for reader in _readers():  # perhaps of another file first
                with suppress(psutil.NoSuchProcess):
                    reader.kill()
            await asyncio.sleep(0.01)
            job = body(await served.client.get(f"{HELD}/{job['id']}"))
    return job


def _readers() -> list[psutil.Process]:
    return [one for one in psutil.Process().children(recursive=True) if _reads(one)]


def _reads(process: psutil.Process) -> bool:
    try:
        return "agent.slicer.gcode.worker" in " ".join(process.cmdline())
    except psutil.Error:  # it ended meanwhile
        return False
