"""What slicers see: an OctoPrint and a Moonraker that keep and check what is sent to them."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio

from tests.agent.slicer.sending import CUBE, curl_form
from tests.serving import Served, http

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def slicer(served: Served) -> AsyncIterator[httpx.AsyncClient]:
    """As OrcaSlicer: no Origin, no Sec-Fetch, a key."""
    asked = {"name": "slicer", "scopes": ["printhost"]}
    key = (await served.client.post("/api/v1/tokens", json=asked)).json()["token"]
    headers = {"X-Api-Key": key, "User-Agent": "OrcaSlicer/2.4.2"}
    async with http(base_url=f"{served.url}/printhost/default", headers=headers) as client:
        yield client


async def job_of(served: Served, told: dict[str, Any]) -> dict[str, Any]:  # Any: JSON
    """The job, without its times."""
    job: dict[str, Any] = (await served.client.get(f"/api/v1/slicer/held/{told['job_id']}")).json()
    return {key: job[key] for key in ("printer", "wants_print", "source", "state", "plate")}


async def test_the_test_of_an_octoprint_finds_one(slicer: httpx.AsyncClient) -> None:
    answer = await slicer.get("/api/version")

    assert (answer.status_code, answer.json()["api"]) == (200, "0.1")
    assert answer.json()["text"].startswith("OctoPrint")


async def test_its_address_as_a_page_leads_to_the_panel(
    served: Served, slicer: httpx.AsyncClient
) -> None:
    signed_in = await slicer.get("")
    stranger = await served.stranger.get("/printhost/default", headers={"Accept": "text/html"})

    assert (signed_in.status_code, signed_in.headers["location"]) == (303, "/ui")
    assert (stranger.status_code, '"0; url=/ui"' in stranger.text) == (401, True)


async def test_a_file_for_an_octoprint_is_kept_and_checked(
    served: Served, slicer: httpx.AsyncClient
) -> None:
    form = curl_form(("print", "true"), ("path", ""), ("file", ("cube.gcode", CUBE)))

    answer = await slicer.post("/api/files/local", **form)

    told = answer.json()
    assert answer.status_code == 201
    assert told["files"] == {
        "local": {"name": "cube.gcode", "path": "cube.gcode", "origin": "local"}
    }
    assert await job_of(served, told) == {
        "printer": "default",
        "wants_print": True,
        "source": "octoprint",
        "state": "received",
        "plate": None,
    }


async def test_a_file_for_a_moonraker_is_queued_so_that_the_slicer_starts_nothing(
    served: Served, slicer: httpx.AsyncClient
) -> None:
    info, roots = await slicer.get("/server/info"), await slicer.get("/server/files/roots")
    form = curl_form(("root", "gcodes"), ("print", "true"), ("file", ("moon.gcode", CUBE)))
    answer = await slicer.post("/server/files/upload", **form)

    told = answer.json()["result"]
    assert info.json()["result"]["klippy_state"] == "ready"
    assert roots.json() == {"result": [{"name": "gcodes", "permissions": "rw"}]}
    assert told["item"] == {"path": "moon.gcode", "root": "gcodes"}
    assert (told["print_started"], told["print_queued"]) == (False, True)
    assert (await job_of(served, told))["wants_print"] is True


async def test_a_print_that_is_started_later_is_wanted_from_then_on(
    served: Served, slicer: httpx.AsyncClient
) -> None:
    form = curl_form(("root", "gcodes"), ("print", "false"), ("file", ("later.gcode", CUBE)))
    told = (await slicer.post("/server/files/upload", **form)).json()["result"]

    before = await job_of(served, told)
    started = await slicer.post("/printer/print/start", json={"filename": "later.gcode"})

    assert (started.status_code, started.json()) == (200, {"result": "ok"})
    assert [before["wants_print"], (await job_of(served, told))["wants_print"]] == [False, True]


async def test_fields_may_stand_behind_the_file(served: Served, slicer: httpx.AsyncClient) -> None:
    form = curl_form(("file", ("plate.gcode", CUBE)), ("plateindex", "2"), ("print", "true"))

    told = (await slicer.post("/api/files/local", **form)).json()

    job = await job_of(served, told)
    assert (job["plate"], job["wants_print"]) == (2, True)


async def test_what_is_wrong_is_one_sentence_that_the_slicer_can_show(
    served: Served, slicer: httpx.AsyncClient
) -> None:
    form = curl_form(("print", "false"), ("path", ""), ("file", ("x.gcode", b"\x00\x01" * 500)))
    async with http(base_url=served.url, headers={"X-Api-Key": "wrong"}) as wrong:
        answers = [
            await wrong.get("/printhost/default/api/version"),
            await slicer.get(f"{served.url}/printhost/nobody/api/version"),
            await slicer.get("/api/printer"),
            await slicer.post("/api/files/local", **form),
            await slicer.post("/api/files/local", **curl_form(("print", "false"))),
            await slicer.post("/api/files/local", content=b"G28"),
        ]

    assert [answer.status_code for answer in answers] == [401, 404, 404, 422, 422, 400]
    assert {answer.headers["content-type"] for answer in answers} == {"text/plain; charset=utf-8"}
    assert answers[0].text.startswith("The API key of this printer is no token of Orca Agents.")
    assert answers[1].text.startswith("There is no printer")
    assert answers[3].text.startswith("x.gcode is no G-code")
    assert all(answer.text.endswith(".") and "\n" not in answer.text for answer in answers)


async def test_the_key_of_a_print_host_opens_nothing_else(
    served: Served, slicer: httpx.AsyncClient
) -> None:
    key = slicer.headers["X-Api-Key"]
    async with http(base_url=served.url, headers={"X-Api-Key": key}) as client:
        elsewhere = await client.get("/api/v1/slicer/files")
        below_another = await client.get("/printhost/../api/v1/slicer/files")
    async with http(base_url=served.url, headers={"Authorization": f"Bearer {key}"}) as client:
        as_token = await client.get("/api/v1/slicer/files")

    assert [elsewhere.status_code, below_another.status_code] == [401, 401]
    assert as_token.status_code == 403


@pytest.mark.parametrize("plate", ["9" * 30, "-1", "٣", "2\r\n", "1e3", ""])
async def test_a_plate_that_is_no_number_is_none(
    served: Served, slicer: httpx.AsyncClient, plate: str
) -> None:
    form = curl_form(("plateindex", plate), ("file", ("cube.gcode", CUBE)))

    answer = await slicer.post("/api/files/local", **form)

    job = await job_of(served, answer.json())
    assert (answer.status_code, job["plate"]) == (201, 2 if plate.strip() == "2" else None)
