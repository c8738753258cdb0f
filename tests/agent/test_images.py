"""Pictures: kept once as bytes, checked when they come, handed out by hash."""

import asyncio
import base64
import hashlib
import random
import struct
import zlib
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.agent.talking import Json, body, every, messages, picture, problem, upload
from tests.agent.test_chat_search import LIST, file
from tests.serving import Served, running_agent

IMAGES = "/api/v1/images"
KINDS = {"PNG": "image/png", "JPEG": "image/jpeg", "WEBP": "image/webp", "GIF": "image/gif"}
RAW = {"Content-Type": "application/octet-stream"}


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with running_agent(tmp_path / "data") as served:
        yield served


def described(data: bytes, mime: str, size: tuple[int, int] = (8, 6)) -> Json:
    return {
        "sha256": hashlib.sha256(data).hexdigest(),
        "mime": mime,
        "width": size[0],
        "height": size[1],
        "size_bytes": len(data),
    }


def data_url(data: bytes, mime: str = "image/png") -> Json:
    return {"data_url": f"data:{mime};base64,{base64.b64encode(data).decode()}"}


async def sent_each_way(client: httpx.AsyncClient, data: bytes) -> list[httpx.Response]:
    """The same bytes as a form, as they are, and as a data URL."""
    return [
        await client.post(IMAGES, files={"file": ("photo.jpg", data, "image/jpeg")}),
        await client.post(IMAGES, content=data, headers=RAW),
        await client.post(IMAGES, content=data, headers={"Content-Type": "image/png"}),
        await client.post(IMAGES, json=data_url(data)),
    ]


async def test_each_kind_of_picture_can_be_sent_each_way(served: Served) -> None:
    for kind, mime in KINDS.items():
        data = picture(kind)

        replies = await sent_each_way(served.client, data)

        assert [body(reply, 201) for reply in replies] == [described(data, mime)] * 4
        told = await served.client.get(f"{IMAGES}/{hashlib.sha256(data).hexdigest()}")
        assert (told.content, told.headers["content-type"]) == (data, mime)


async def test_the_same_picture_is_kept_once(served: Served) -> None:
    data = picture(size=(300, 200))

    for _ in range(3):
        await sent_each_way(served.client, data)
    await asyncio.gather(*(upload(served.client, data) for _ in range(20)))

    kept = [path for path in served.settings.image_dir.rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in kept] == [data]
    stats = body(await served.client.get(f"{IMAGES}/stats"))
    assert (stats["count"], stats["size_bytes"]) == (1, len(data))


async def test_the_same_picture_twenty_times_at_once_is_kept_once(served: Served) -> None:
    data = picture(size=(300, 200))

    hashes = await asyncio.gather(*(upload(served.client, data) for _ in range(20)))

    assert set(hashes) == {hashlib.sha256(data).hexdigest()}
    kept = [path for path in served.settings.image_dir.rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in kept] == [data]


async def test_a_picture_never_changes_so_that_it_need_not_be_sent_twice(served: Served) -> None:
    sha256 = await upload(served.client, picture())

    first = await served.client.get(f"{IMAGES}/{sha256}")
    again = await served.client.get(
        f"{IMAGES}/{sha256}", headers={"If-None-Match": first.headers["etag"]}
    )

    assert first.headers["etag"] == f'"{sha256}"'
    assert first.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert (again.status_code, again.content) == (304, b"")


# --- what is refused ----------------------------------------------------------------------------


def flood(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims that many pixels of one colour."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    row = zlib.compress(b"\0" * min(1 + width // 8, 10_000) * 100)
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", row) + chunk(b"IEND", b"")


async def test_what_is_no_whole_picture_is_refused_each_way(served: Served) -> None:
    whole = {kind: noise(kind) for kind in KINDS}
    bad: list[tuple[bytes, int, str]] = [
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", 415, "not-an-image"),
        (b"MZ\x90\0 this is a program", 415, "not-an-image"),
        (b"BM" + b"\0" * 60, 415, "not-an-image"),
        (b"\xff\xd8\xff" + b"<script>alert(1)</script>" * 9, 422, "image-damaged"),
        (b"\x89PNG\r\n\x1a\n" + whole["JPEG"], 422, "image-damaged"),
        (b"GIF89a" + whole["PNG"], 413, "image-too-many-pixels"),
        (b"RIFF\0\0\0\0WEBP" + whole["PNG"], 422, "image-damaged"),
        (flood(60_000, 60_000), 413, "image-too-many-pixels"),
        (flood(2**31 - 1, 2**31 - 1), 413, "image-too-many-pixels"),
        (flood(0, 5), 422, "image-damaged"),
        *((data[: len(data) // 2], 422, "image-damaged") for data in whole.values()),
        *((data[:20], 422, "image-damaged") for data in whole.values()),
    ]
    for data, status, code in bad:
        replies = await sent_each_way(served.client, data)

        assert [problem(reply) for reply in replies] == [(status, code)] * 4, data[:20]
    stats = body(await served.client.get(f"{IMAGES}/stats"))
    assert (stats["count"], stats["size_bytes"], stats["refused"]) == (0, 0, 4 * len(bad))
    assert [path for path in served.settings.image_dir.rglob("*") if path.is_file()] == []


def noise(kind: str) -> bytes:
    """A picture that cannot be compressed away."""
    out = BytesIO()
    Image.frombytes("RGB", (40, 40), random.Random(1).randbytes(4800)).save(out, kind)
    return out.getvalue()


async def test_bodies_without_a_picture_are_refused(served: Served) -> None:
    client = served.client
    odd = [
        await client.post(IMAGES, content=b"", headers=RAW),
        await client.post(IMAGES),
        await client.post(IMAGES, files={"other": ("a.png", picture())}),
        await client.post(IMAGES, files={"file": ("a.png", b"")}),
        await client.post(IMAGES, data={"file": "text"}),
        await client.post(IMAGES, content=b"x", headers={"Content-Type": "multipart/form-data"}),
        await client.post(
            IMAGES, content=b"--x\r\n", headers={"Content-Type": "multipart/form-data; boundary=x"}
        ),
        await client.post(IMAGES, json={"data_url": "http://example.com/a.png"}),
        await client.post(IMAGES, json={"data_url": "data:image/png;base64,é"}),
        await client.post(IMAGES, json={"data_url": "data:image/png;base64,AAA"}),
        await client.post(IMAGES, json={"data_url": "data:image/png,plain"}),
        await client.post(IMAGES, json={"url": "x"}),
    ]

    assert [problem(reply) for reply in odd] == [
        (422, "no-file"),
        (422, "no-file"),
        (422, "no-file"),
        (415, "not-an-image"),
        (415, "not-an-image"),
        (422, "no-file"),
        (422, "no-file"),
        (422, "bad-data-url"),
        (422, "bad-data-url"),
        (422, "bad-data-url"),
        (422, "bad-data-url"),
        (422, "invalid-fields"),
    ]


@pytest.mark.slow
@pytest.mark.timeout(40)
async def test_a_picture_larger_than_fits_is_refused_each_way(served: Served) -> None:
    data = picture() + b"\0" * (33 << 20)

    replies = await sent_each_way(served.client, data)

    assert [problem(reply)[0] for reply in replies] == [413] * 4


@pytest.mark.slow
@pytest.mark.timeout(40)
async def test_no_bytes_bring_the_agent_down(served: Served) -> None:
    whole = [noise(kind) for kind in KINDS]
    spoilt: list[bytes] = []

    @settings(max_examples=150, database=None, suppress_health_check=list(HealthCheck))
    @given(
        st.integers(0, 3),
        st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=4)), max_size=4),
        st.floats(0.2, 1),
    )
    def collect(kind: int, changes: list[tuple[float, bytes]], part: float) -> None:
        data = bytearray(whole[kind])
        for place, new in changes:
            at = int(place * len(data))
            data[at : at + len(new)] = new
        spoilt.append(bytes(data[: int(part * len(data))]))

    collect()

    for data in spoilt:
        reply = await served.client.post(IMAGES, content=data, headers=RAW)
        assert reply.status_code in {201, 413, 415, 422}, (reply.text, data[:40])


# --- pictures in conversations ------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.timeout(40)
async def test_lists_hold_hashes_and_no_pictures(served: Served) -> None:
    """Five hundred pictures in fifty conversations."""
    number = 0
    files = []
    for at in range(50):
        one = file(at, f"T{at}", "look")
        one["images"] = {}
        for _ in range(10):
            number += 1
            data = picture(size=(64, 64), shade=number)
            sha256 = hashlib.sha256(data).hexdigest()
            one["images"][sha256] = {"mime": "image/png", "base64": base64.b64encode(data).decode()}
        one["messages"][0] |= {"images": list(one["images"]), "content": "look " * 2000}
        files.append(one)
    body(await served.client.post(f"{LIST}/import", json={"conversations": files}))

    reply = await served.client.get(LIST, params={"limit": 50})
    told = await messages(served.client, files[0]["conversation"]["id"])

    assert len(reply.json()["items"]) == 50
    assert len(reply.content) < 50 * 500
    assert told[0]["images"] == list(files[0]["images"])
    assert body(await served.client.get(f"{IMAGES}/stats"))["count"] == 500
    assert len(await every(served.client, LIST)) == 50
