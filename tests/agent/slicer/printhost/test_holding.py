"""From the slicer through the agent to a printer: at once, or after a click."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.agent.slicer.printers.door import HELD, added, decided, ended
from tests.agent.slicer.sending import FILES, curl_form
from tests.fakes.printers import FakeOctoPrint
from tests.serving import Served, http, running_agent
from tests.slicing import gcode

pytestmark = pytest.mark.asyncio(loop_scope="module")
FINE = gcode.orca().encode()
BAD = gcode.orca(settings={"nozzle_temperature": "480"}).encode()
Json = dict[str, Any]  # Any: JSON


@pytest_asyncio.fixture(loop_scope="module")
async def fake() -> AsyncIterator[FakeOctoPrint]:
    async with FakeOctoPrint() as one:
        yield one


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def key(served: Served) -> str:
    asked = {"name": "slicer", "scopes": ["printhost"]}
    return str((await served.client.post("/api/v1/tokens", json=asked)).json()["token"])


async def uploaded(
    served: Served, key: str, printer: Json, data: bytes, *, wants_print: str = "true"
) -> Json:
    """The job of a file that the slicer sent."""
    form = curl_form(("print", wants_print), ("path", ""), ("file", ("cube.gcode", data)))
    async with http(base_url=served.url, headers={"X-Api-Key": key}) as slicer:
        answer = await slicer.post(f"/printhost/{printer['id']}/api/files/local", **form)
    assert answer.status_code == 201, answer.text
    return await decided(served, await job(served.client, answer.json()["job_id"]))


async def job(client: httpx.AsyncClient, job_id: str) -> Json:
    told: Json = (await client.get(f"{HELD}/{job_id}")).json()
    return told


async def waiting(client: httpx.AsyncClient) -> list[str]:
    return [one["id"] for one in (await client.get(HELD)).json()["items"]]


async def test_a_file_without_a_fault_goes_on_at_once_and_is_printed(
    served: Served, key: str, fake: FakeOctoPrint
) -> None:
    printer = await added(served, fake, "octoprint")

    sent = await ended(served, await uploaded(served, key, printer, FINE))

    assert (sent.state, sent.last) == ("forwarded", "done")
    assert ([kept.content for kept in fake.files.values()], fake.started) == (
        [FINE],
        ["cube.gcode"],
    )
    assert sent.job["id"] not in await waiting(served.client)


async def test_a_blocking_finding_holds_it_until_a_click(
    served: Served, key: str, fake: FakeOctoPrint
) -> None:
    printer = await added(served, fake, "octoprint")

    held = await uploaded(served, key, printer, BAD)
    listed = next(
        one for one in (await served.client.get(HELD)).json()["items"] if one["id"] == held["id"]
    )
    nothing_sent = dict(fake.files)
    released = (await served.client.post(f"{HELD}/{held['id']}/release", json={})).json()
    sent = await ended(served, released)
    again = await served.client.post(f"{HELD}/{held['id']}/release")

    assert (held["state"], held["reason"], nothing_sent) == ("held", "blocking", {})
    assert listed["printer_name"] == printer["name"]
    assert listed["file"]["findings"][0]["severity"] == "blocking"
    assert (sent.state, [kept.content for kept in fake.files.values()]) == ("forwarded", [BAD])
    assert (again.status_code, again.json()["state"]) == (409, "forwarded")


async def test_what_is_rejected_goes_nowhere_and_stays_among_the_files(
    served: Served, key: str, fake: FakeOctoPrint
) -> None:
    printer = await added(served, fake, "octoprint", hold="always")

    held = await uploaded(served, key, printer, FINE, wants_print="false")
    rejected = (await served.client.post(f"{HELD}/{held['id']}/reject")).json()
    too_late = await served.client.post(f"{HELD}/{held['id']}/release")
    file = (await served.client.get(f"{FILES}/{held['file_id']}")).json()

    assert (held["state"], held["reason"]) == ("held", "setting")
    assert (rejected["state"], file["job"]["state"]) == ("rejected", "rejected")
    assert (too_late.status_code, too_late.json()["type"]) == (
        409,
        "urn:orca:problem:job-not-held",
    )
    assert fake.files == {}


async def test_a_printer_that_refuses_leaves_the_file_to_be_tried_again(
    served: Served, key: str, fake: FakeOctoPrint
) -> None:
    printer = await added(served, fake, "octoprint")
    fake.fail("POST", "/api/files/local", 409)

    failed = await ended(served, await uploaded(served, key, printer, FINE))
    is_listed = failed.job["id"] in await waiting(served.client)
    fake.heal()
    answer = (await served.client.post(f"{HELD}/{failed.job['id']}/release")).json()
    sent = await ended(served, answer)

    assert (failed.state, is_listed, bool(failed.problem)) == ("failed", True, True)
    assert (sent.state, len(fake.files)) == ("forwarded", 1)


async def test_a_file_that_waits_outlives_its_printer(
    served: Served, key: str, fake: FakeOctoPrint
) -> None:
    """Its printer may be removed; the file stays until somebody puts it away."""
    printer = await added(served, fake, "octoprint", hold="always")
    held = await uploaded(served, key, printer, FINE)

    await served.client.delete(f"/api/v1/printers/{printer['id']}")
    released = (await served.client.post(f"{HELD}/{held['id']}/release")).json()

    assert (released["state"], released["problem"]["type"]) == (
        "failed",
        "urn:orca:problem:no-such-printer",
    )
    assert held["id"] in await waiting(served.client)


async def test_two_clicks_at_a_time_send_a_file_once(served: Served, fake: FakeOctoPrint) -> None:
    printer = await added(served, fake, "octoprint")
    file = (await served.client.post(f"{FILES}?name=cube.gcode", content=FINE)).json()
    asked = {"printer": printer["id"], "print": True}

    with fake.silent():  # or the first could have arrived before the last was clicked
        clicks = await asyncio.gather(
            *(served.client.post(f"{FILES}/{file['id']}/forward", json=asked) for _ in range(4))
        )

    sent = await ended(served, next(one.json() for one in clicks if one.json()["run_id"]))
    assert {(one.status_code, one.json()["id"]) for one in clicks} == {(202, sent.job["id"])}
    assert (sent.state, fake.started) == ("forwarded", ["cube.gcode"])


async def test_a_print_that_is_ordered_several_times_at_once_is_one(
    served: Served, key: str, fake: FakeOctoPrint
) -> None:
    printer = await added(served, fake, "octoprint")
    stored = await ended(served, await uploaded(served, key, printer, FINE, wants_print="false"))
    headers = {"X-Api-Key": key}

    async with http(base_url=f"{served.url}/printhost/{printer['id']}", headers=headers) as slicer:
        order = {"filename": "cube.gcode"}
        answers = await asyncio.gather(
            *(slicer.post("/printer/print/start", json=order) for _ in range(4))
        )

    job_of_it = (await served.client.get(f"{FILES}/{stored.job['file_id']}")).json()["job"]
    ordered = await ended(served, job_of_it)
    assert [one.status_code for one in answers] == [200] * 4
    assert (ordered.state, fake.started) == ("forwarded", ["cube.gcode"])
    listed = (await served.client.get(HELD)).json()["items"]
    assert [one for one in listed if one["printer"] == printer["id"]] == []


async def test_what_waits_has_a_bound_and_nothing_of_it_is_dropped(
    tmp_path: Path, fake: FakeOctoPrint
) -> None:
    large = BAD + b"; what a slicer writes beside the moves\n" * 30_000
    async with running_agent(tmp_path, slicer_keep_mb=1) as served:
        printer = await added(served, fake, "octoprint")
        asked = {"name": "slicer", "scopes": ["printhost"]}
        key = (await served.client.post("/api/v1/tokens", json=asked)).json()["token"]
        held = await uploaded(served, key, printer, large)
        form = curl_form(("print", "true"), ("path", ""), ("file", ("cube.gcode", FINE)))
        address = f"/printhost/{printer['id']}/api/files/local"
        async with http(base_url=served.url, headers={"X-Api-Key": key}) as slicer:
            refused = await slicer.post(address, **form)
            still = await waiting(served.client)
            await served.client.post(f"{HELD}/{held['id']}/reject")
            taken = await slicer.post(address, **form)

    assert (held["state"], still) == ("held", [held["id"]])
    assert (refused.status_code, "slicer_keep_mb" in refused.text) == (507, True)
    assert taken.status_code == 201
