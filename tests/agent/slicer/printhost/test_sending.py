"""How slicers send: with libcurl, which asks for leave first, and which people close halfway."""

import asyncio
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from tests.agent.slicer.sending import CUBE, FILES, curl_form
from tests.serving import Served

pytestmark = pytest.mark.asyncio(loop_scope="module")
UPLOAD = "/printhost/default/api/files/local"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def key(served: Served) -> str:
    asked = {"name": "slicer", "scopes": ["printhost"]}
    return str((await served.client.post("/api/v1/tokens", json=asked)).json()["token"])


def head(served: Served, key: str, length: int) -> bytes:
    headers = curl_form()["headers"]
    return (
        f"POST {UPLOAD} HTTP/1.1\r\nHost: {urlsplit(served.url).netloc}\r\n"
        f"User-Agent: OrcaSlicer/2.4.2\r\nAccept: */*\r\nX-Api-Key: {key}\r\n"
        f"Content-Length: {length}\r\nContent-Type: {headers['Content-Type']}\r\n"
        "Expect: 100-continue\r\n\r\n"
    ).encode()


async def opened(served: Served) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(served.url)
    return await asyncio.open_connection(parts.hostname, parts.port)


async def test_leave_to_send_the_body_comes_before_the_body(served: Served, key: str) -> None:
    content = curl_form(("print", "false"), ("path", ""), ("file", ("c.gcode", CUBE)))["content"]
    reader, writer = await opened(served)

    writer.write(head(served, key, len(content)))
    async with asyncio.timeout(5):
        leave = await reader.readuntil(b"\r\n\r\n")
        writer.write(content)
        answer = await reader.readuntil(b"\r\n\r\n")
    writer.close()

    assert leave.startswith(b"HTTP/1.1 100 ")
    assert answer.startswith(b"HTTP/1.1 201 ")


async def test_of_a_sender_that_leaves_halfway_nothing_stays(served: Served, key: str) -> None:
    content = curl_form(("file", ("half.gcode", CUBE + b"G1 X1\n" * 500_000)))["content"]
    folder, before = served.settings.slicer_dir, await ids(served)
    _, writer = await opened(served)

    writer.write(head(served, key, len(content)) + content[: len(content) // 2])
    await until_parts(folder, 1)
    writer.close()
    await until_parts(folder, 0)

    assert await ids(served) == before


async def test_a_body_longer_than_allowed_is_refused_before_it_comes(
    served: Served, key: str
) -> None:
    reader, writer = await opened(served)

    writer.write(head(served, key, 5 << 30))
    async with asyncio.timeout(5):
        leave = await reader.readuntil(b"\r\n\r\n")
        answer = await reader.readuntil(b"slicer_file_mb says how large one may be.")
    writer.close()

    assert leave.startswith(b"HTTP/1.1 100 ")
    assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
async def test_curl_itself_uploads_as_a_slicer_has_it_do(
    served: Served, key: str, tmp_path: Path
) -> None:
    file = tmp_path / "Würfel.gcode"
    file.write_bytes(CUBE + b"G1 X1\n" * 400_000)
    form = ["-F", "print=false", "-F", "path=", "-F", f"file=@{file};filename=Wurfel.gcode"]
    command = ["curl", "-sS", "-4", "-w", "%{http_code}", "-o", "/dev/null", "--noproxy", "*"]

    process = await asyncio.create_subprocess_exec(
        *command,
        *["-H", f"X-Api-Key: {key}", "-H", "Expect: 100-continue", *form],
        f"{served.url}/printhost/default/api/files/local",
        stdout=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(10):
        status, _ = await process.communicate()

    newest = (await served.client.get(FILES, params={"limit": 1})).json()["items"][0]
    kept = served.settings.slicer_dir / f"{newest['id']}.gcode"
    assert (status, newest["name"]) == (b"201", "Wurfel.gcode")
    assert kept.read_bytes() == file.read_bytes()


async def ids(served: Served) -> list[str]:
    return [one["id"] for one in (await served.client.get(FILES)).json()["items"]]


async def until_parts(folder: Path, count: int) -> None:
    """Waits for what another task does with the disk, which tells nobody."""
    async with asyncio.timeout(5):
        while _parts(folder) != count:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.01)


def _parts(folder: Path) -> int:
    return len(list(folder.glob("*.part")))
