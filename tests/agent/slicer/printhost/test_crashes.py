"""kill -9 in the midst of it: what was acknowledged is there, and nothing half is printed."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from agent.runfile import RunningAgent
from tests.agent.program import Program, program, until
from tests.agent.slicer.sending import CUBE, FILES, client_of, curl_form
from tests.fakes.printers import FakeOctoPrint, How
from tests.serving import NO_TLS
from tests.slicing import gcode
from tests.sse import follow

pytestmark = [pytest.mark.slow, pytest.mark.timeout(90)]
LARGE = CUBE + b"G1 X1 Y1 E1\n" * 1_000_000
# It leaves the bed, as only its moves tell; they take seconds to read.
OUTSIDE = gcode.orca(gcode.Part(origin=(215.0, 100.0)))
VERY_LARGE = OUTSIDE.replace(
    "M107", "G1 X216 Y101\nG1 X216 Y100\n" * 1_500_000 + "M107", 1
).encode()
HELD = "/api/v1/slicer/held"


@pytest.fixture
def one(tmp_path: Path) -> Iterator[Program]:
    with program(tmp_path / "data") as found:
        yield found


def parts(one: Program) -> list[int]:
    """The sizes of what is being written."""
    return [path.stat().st_size for path in (one.data_dir / "slicer").glob("*.part")]


def send_half(agent: RunningAgent) -> socket.socket:
    """Half of a large upload, on a connection that stays open."""
    form = curl_form(("print", "true"), ("path", ""), ("file", ("large.gcode", LARGE)))
    url = urlsplit(agent.url)
    head = (
        f"POST /printhost/default/api/files/local HTTP/1.1\r\nHost: {url.netloc}\r\n"
        f"X-Api-Key: {agent.token}\r\nContent-Length: {len(form['content'])}\r\n"
        f"Content-Type: {form['headers']['Content-Type']}\r\n\r\n"
    )
    connection = socket.create_connection((url.hostname or "", url.port or 0), 10)
    connection.sendall(head.encode() + form["content"][: len(LARGE) // 2])
    return connection


def test_a_crash_in_the_midst_of_an_upload_takes_that_one_alone(one: Program) -> None:
    agent = one.serve()
    with client_of(agent) as client:
        kept = client.post(FILES, files={"file": ("kept.gcode", LARGE)}).json()
        with send_half(agent):
            until(lambda: sum(parts(one)) > 1_000_000)
            one.kill()
    left_by_the_crash = len(parts(one))

    with client_of(one.serve()) as client:
        listed = client.get(FILES).json()["items"]
        again = client.post(FILES, files={"file": ("again.gcode", LARGE)})

    assert (left_by_the_crash, parts(one)) == (1, [])
    assert [file["id"] for file in listed] == [kept["id"]]
    assert (one.data_dir / "slicer" / f"{kept['id']}.gcode").read_bytes() == LARGE
    assert again.status_code == 201


async def test_a_crash_while_it_is_forwarded_prints_nothing_and_offers_it_again(
    one: Program,
) -> None:
    async with FakeOctoPrint() as fake:
        agent = one.serve()
        fake.fail("POST", "/api/files/local", How.NEVER, times=9)
        job = await _forwarding(agent, fake)
        await fake.until_asked("POST", "/api/files/local")
        one.kill()
        fake.heal()

        after = one.serve()
        async with _async_client(after) as client:
            offered = (await client.get(HELD)).json()["items"]
            nothing_yet = (dict(fake.files), list(fake.started))
            released = (await client.post(f"{HELD}/{job['id']}/release")).json()
            await follow(client, released["run_id"])
            ended = (await client.get(f"{HELD}/{job['id']}")).json()

        assert [(each["id"], each["state"]) for each in offered] == [(job["id"], "interrupted")]
        assert nothing_yet == ({}, [])
        assert ended["state"] == "forwarded"
        assert [kept.content for kept in fake.files.values()] == [LARGE]
        assert fake.started == ["large.gcode"]


async def test_a_crash_while_every_move_is_read_has_them_read_again(one: Program) -> None:
    async with FakeOctoPrint() as fake:
        agent = one.serve()
        job = await _forwarding(agent, fake, VERY_LARGE)
        one.kill()

        after = one.serve()
        async with _async_client(after) as client:
            file = await client.get(f"{FILES}/{job['file_id']}")
            while (ended := (await client.get(f"{HELD}/{job['id']}")).json())["state"] != "held":
                assert ended["state"] == "checking"

        assert (job["state"], file.json()["has_analysis"]) == ("checking", False)
        assert ended["reason"] == "blocking"
        assert fake.files == {}


def test_a_disk_that_takes_no_more_is_told_and_leaves_nothing(one: Program) -> None:
    """A limit on the size of files stands for a full disk."""
    resource = pytest.importorskip("resource")
    if not hasattr(resource, "prlimit"):
        pytest.skip("no limit for other processes here")
    agent = one.serve()
    limit = 6_000_000
    resource.prlimit(agent.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))

    with client_of(agent) as client:
        refused = client.post(FILES, files={"file": ("large.gcode", LARGE)})
        small = client.post(FILES, files={"file": ("small.gcode", CUBE)})
        listed = client.get(FILES).json()["items"]

    assert (refused.status_code, small.status_code) == (503, 201)
    assert refused.json()["type"] == "urn:orca:problem:slicer-files-unwritable"
    assert [file["id"] for file in listed] == [small.json()["id"]]
    assert parts(one) == []


async def _forwarding(
    agent: RunningAgent, fake: FakeOctoPrint, data: bytes = LARGE
) -> dict[str, Any]:  # Any: JSON
    """The job of a file that the slicer sent to print, on its way to the printer."""
    async with _async_client(agent) as client:
        about = {"name": "mk4", "kind": "octoprint", "url": fake.url, "key": fake.key}
        printer = (await client.post("/api/v1/printers", json=about)).json()
        form = curl_form(("print", "true"), ("path", ""), ("file", ("large.gcode", data)))
        path = f"/printhost/{printer['id']}/api/files/local"
        told = (await client.post(path, **form)).json()
        job: dict[str, Any] = (await client.get(f"{HELD}/{told['job_id']}")).json()
    return job


def _async_client(agent: RunningAgent) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {agent.token}"}
    return httpx.AsyncClient(
        base_url=agent.url, headers=headers, verify=NO_TLS, trust_env=False, timeout=20
    )
