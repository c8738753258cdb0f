"""Shrunk pictures: upright, plain, small, made once."""

import asyncio
import base64
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path

import httpx
import psutil
import pytest
from PIL import Image

from agent.images.decoders import WORKER_FLAG
from agent.images.pipes import receive, send
from tests.agent.photographs import (
    BLUE,
    GREEN,
    LAID,
    RED,
    WHITE,
    blank_png,
    corners,
    endless_jpeg,
    held,
    noisy,
    saved,
    seen,
    telling,
)
from tests.agent.talking import Json, ask, body, chats, opened, picture, problem, upload
from tests.fakes.ollama import FakeOllama
from tests.serving import Served, running_agent

IMAGES = "/api/v1/images"
RAW = {"Content-Type": "application/octet-stream"}
FORMATS = ("jpeg", "png", "webp")
UPRIGHT: list[tuple[int, ...]] = [RED, GREEN, BLUE, WHITE]


@pytest.fixture
async def alone(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """An agent without any model."""
    async with running_agent(tmp_path / "data") as served:
        yield served.client


async def shrunk(client: httpx.AsyncClient, sha256: str, **query: object) -> Image.Image:
    """The variant, checked for its type and for what may stand beside its pixels."""
    reply = await client.get(f"{IMAGES}/{sha256}", params=query)  # type: ignore[arg-type] # numbers
    assert reply.status_code == 200, reply.text
    made = Image.open(BytesIO(reply.content))
    assert reply.headers["content-type"] == Image.MIME[str(made.format)]
    return made


async def stats(client: httpx.AsyncClient, *, variants: int | None = None) -> Json:
    """The counts, as soon as so many variants are in the cache: answers do not wait for that."""
    while True:
        told = body(await client.get(f"{IMAGES}/stats"))
        if variants in {None, told["variants"]}:
            return told


async def test_a_picture_is_shrunk_to_its_longer_edge_and_never_enlarged(
    alone: httpx.AsyncClient,
) -> None:
    sha256 = await upload(alone, saved(corners((300, 200)), "JPEG"))

    made = {edge: await shrunk(alone, sha256, max_edge=edge) for edge in (1, 90, 150, 299, 4000)}
    every = {form: await shrunk(alone, sha256, max_edge=60, format=form) for form in FORMATS}

    assert {edge: one.size for edge, one in made.items()} == {
        1: (1, 1),
        90: (90, 60),
        150: (150, 100),
        299: (299, 199),
        4000: (300, 200),
    }
    assert {one.format for one in made.values()} == {"JPEG"}
    assert {form: (one.format, one.size) for form, one in every.items()} == {
        form: (form.upper(), (60, 40)) for form in FORMATS
    }


async def test_without_a_format_it_stays_what_it_is(alone: httpx.AsyncClient) -> None:
    for kind, stays in (("JPEG", "JPEG"), ("PNG", "PNG"), ("WEBP", "WEBP"), ("GIF", "PNG")):
        sha256 = await upload(alone, picture(kind))

        assert (await shrunk(alone, sha256, max_edge=4)).format == stays


async def test_a_variant_never_changes_so_that_it_need_not_be_sent_twice(
    alone: httpx.AsyncClient,
) -> None:
    sha256 = await upload(alone, picture())

    first = await alone.get(f"{IMAGES}/{sha256}?max_edge=4")
    other = await alone.get(f"{IMAGES}/{sha256}?max_edge=5")
    tag = {"If-None-Match": first.headers["etag"]}
    again = await alone.get(f"{IMAGES}/{sha256}?max_edge=4", headers=tag)

    assert first.headers["etag"] not in {other.headers["etag"], f'"{sha256}"'}
    assert first.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert (again.status_code, again.content) == (304, b"")


async def test_what_cannot_be_made_is_refused(alone: httpx.AsyncClient) -> None:
    sha256 = await upload(alone, picture())
    odd = [
        f"{IMAGES}/{'0' * 64}?max_edge=4",
        f"{IMAGES}/nothing?format=png",
        *(f"{IMAGES}/{sha256}?max_edge={edge}" for edge in ("0", "-1", "16384", "much")),
        f"{IMAGES}/{sha256}?format=tiff",
        f"{IMAGES}/{sha256}?format=",
        f"{IMAGES}/{sha256}?edge=4",
    ]

    replies = [problem(await alone.get(path)) for path in odd]

    assert replies == [(404, "no-such-image")] * 2 + [(422, "invalid-fields")] * 7


@pytest.mark.slow
async def test_however_the_camera_was_held_the_picture_stands_upright(
    alone: httpx.AsyncClient,
) -> None:
    for kind in ("JPEG", "PNG", "WEBP"):
        for orientation in LAID:
            data = held(orientation, kind)
            kept = body(await alone.post(IMAGES, content=data, headers=RAW), 201)
            made = await alone.get(f"{IMAGES}/{kept['sha256']}?max_edge=24")

            assert (kept["width"], kept["height"]) == (48, 32), (kind, orientation)
            assert Image.open(BytesIO(made.content)).size == (24, 16), (kind, orientation)
            assert seen(made.content) == UPRIGHT, (kind, orientation)


async def test_nothing_is_left_of_what_a_camera_wrote_beside_the_pixels(
    alone: httpx.AsyncClient,
) -> None:
    canary = "N47.3769E8.5417"
    for kind in ("JPEG", "PNG", "WEBP"):
        data = telling(kind, canary)
        assert data.count(canary.encode()) >= 4  # there is something to find
        sha256 = await upload(alone, data)

        for form in FORMATS:
            reply = await alone.get(f"{IMAGES}/{sha256}?format={form}")
            made = Image.open(BytesIO(reply.content))

            assert canary.encode() not in reply.content, (kind, form)
            assert {"exif", "icc_profile", "xmp", "comment", "dpi"} & set(made.info) == set()
            assert not made.getexif()


async def test_every_kind_of_pixels_becomes_plain_ones(alone: httpx.AsyncClient) -> None:
    deep = Image.new("I;16", (48, 32))
    for place in ((x, y) for x in range(48) for y in range(32)):
        deep.putpixel(place, 40_000)
    glass = corners().convert("RGBA")
    glass.putalpha(0)
    clear = corners().quantize(4)
    ground = clear.getpixel((10, 10))
    moving = [corners(), Image.new("RGB", (48, 32), "black")]
    also: dict[str, object] = {"save_all": True, "append_images": moving[1:], "duration": 50}
    files: dict[str, tuple[bytes, list[tuple[int, ...]]]] = {
        "CMYK": (saved(corners().convert("CMYK"), "JPEG", quality=95), UPRIGHT),
        "16 bits of grey": (saved(deep, "PNG"), [(128 + 28, 156, 156)] * 4),
        "1 bit": (saved(corners().convert("1", dither=Image.Dither.NONE), "PNG"), []),
        "palette": (saved(corners().quantize(4), "PNG"), UPRIGHT),
        "palette with a hole": (
            saved(clear, "PNG", transparency=ground),
            [WHITE, GREEN, BLUE, WHITE],
        ),
        "glass": (saved(glass, "PNG"), [WHITE] * 4),
        "grey glass": (saved(glass.convert("LA"), "PNG"), [WHITE] * 4),
        "animated GIF": (saved(moving[0], "GIF", **also), UPRIGHT),
        "animated WebP": (saved(moving[0], "WEBP", **also, lossless=True), UPRIGHT),
        "animated PNG": (saved(moving[0], "PNG", **also), UPRIGHT),
        "two in one": (saved(moving[0], "MPO", save_all=True, append_images=moving[1:]), UPRIGHT),
    }
    for name, (data, colours) in files.items():
        sha256 = await upload(alone, data)

        for form in FORMATS:
            reply = await alone.get(f"{IMAGES}/{sha256}?format={form}")
            made = Image.open(BytesIO(reply.content))
            assert made.size == (48, 32), (name, form)
            assert getattr(made, "n_frames", 1) == 1, (name, form)
            assert made.mode in {"L", "RGB", "RGBA"}, (name, form)
            if form == "jpeg" and name == "16 bits of grey":
                assert made.mode == "L"
                assert abs(int(str(made.getpixel((9, 9)))) - 40_000 // 256) < 3
            elif form == "jpeg" and colours:
                assert seen(reply.content) == colours, name


async def test_holes_stay_holes_where_the_format_has_them(alone: httpx.AsyncClient) -> None:
    glass = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    sha256 = await upload(alone, saved(glass, "PNG"))

    assert (await shrunk(alone, sha256, format="png")).getpixel((4, 4)) == (255, 0, 0, 0)
    assert (await shrunk(alone, sha256, format="webp")).mode == "RGBA"
    assert (await shrunk(alone, sha256, format="jpeg")).getpixel((4, 4)) == WHITE


# --- once, and kept -----------------------------------------------------------------------------


async def test_twenty_who_ask_at_once_wait_for_one_decoding(alone: httpx.AsyncClient) -> None:
    sha256 = await upload(alone, noisy((800, 600), "PNG"))
    before = await stats(alone)

    replies = await asyncio.gather(
        *(alone.get(f"{IMAGES}/{sha256}?max_edge=100&format=webp") for _ in range(20))
    )
    after = await stats(alone, variants=1)

    assert {reply.content for reply in replies} == {replies[0].content}
    counted = {name: after[name] - before[name] for name in ("decoded", "misses", "hits")}
    assert counted == {"decoded": 1, "misses": 1, "hits": 19}
    assert after["variant_bytes"] == len(replies[0].content)


async def test_one_picture_in_many_disguises_is_kept_once(alone: httpx.AsyncClient) -> None:
    one = corners((200, 100))
    disguises = [
        saved(one, "PNG", compress_level=0),
        saved(one, "PNG", compress_level=9),
        saved(one.convert("RGBA"), "PNG"),
        saved(one, "WEBP", lossless=True),
        telling_size(one),
    ]
    hashes = [await upload(alone, data) for data in disguises]

    made = {(await alone.get(f"{IMAGES}/{one}?max_edge=50&format=jpeg")).content for one in hashes}

    after = await stats(alone, variants=1)
    assert len(set(hashes)) == 5
    assert len(made) == 1
    assert after["misses"] == 5
    assert after["variant_bytes"] == len(made.pop())


def telling_size(one: Image.Image) -> bytes:
    """The same pixels, with a camera's words beside them."""
    exif = Image.Exif()
    exif[0x010E] = "a print"
    return saved(one, "PNG", exif=exif)


@pytest.mark.slow
async def test_a_restart_keeps_what_was_shrunk_and_a_damaged_cache_costs_nothing_else(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "data"
    seen_hits = []
    for spoil in (False, False, True):
        if spoil:
            (folder / "images.db").write_bytes(b"this is no database " * 1000)
        async with running_agent(folder) as served:
            sha256 = await upload(served.client, picture(size=(90, 60)))
            made = [await shrunk(served.client, sha256, max_edge=30) for _ in range(2)]
            told = await stats(served.client, variants=1)
        assert [one.size for one in made] == [(30, 20)] * 2
        seen_hits.append((told["hits"], told["misses"]))

    assert seen_hits == [(1, 1), (2, 0), (1, 1)]
    assert (folder / "images.db").stat().st_mode & 0o777 == 0o600


async def test_a_cache_of_nothing_keeps_nothing(tmp_path: Path) -> None:
    async with running_agent(tmp_path / "data", image_cache_mb=0) as served:
        sha256 = await upload(served.client, picture())

        for _ in range(3):
            assert (await shrunk(served.client, sha256, max_edge=4)).size == (4, 3)
            assert (await shrunk(served.client, sha256, max_edge=5)).size == (5, 4)

        told = await stats(served.client)
    assert (told["hits"] + told["misses"], told["variants"], told["variant_bytes"]) == (6, 0, 0)
    assert told["cache_limit_bytes"] == 0


# --- what models get ----------------------------------------------------------------------------


async def test_a_model_gets_a_picture_of_the_size_that_it_takes(
    served: Served, fake: FakeOllama
) -> None:
    client = served.client
    large, drawing = noisy((2000, 1000), "PNG"), saved(corners((300, 200)), "PNG")
    turned = held(6, "JPEG")
    conversation = await opened(client)
    hashes = [await upload(client, data) for data in (large, drawing, turned)]

    await ask(client, conversation["id"], "What is it?", images=hashes)
    await ask(client, conversation["id"], "And now?")

    first, second = ([base64.b64decode(one) for one in images(sent)] for sent in chats(fake)[-2:])
    got = [Image.open(BytesIO(data)) for data in first]
    assert [(one.format, one.size) for one in got] == [
        ("JPEG", (1568, 784)),
        ("PNG", (300, 200)),
        ("JPEG", (48, 32)),
    ]
    assert first == second
    assert seen(first[1]) == seen(first[2]) == UPRIGHT
    told = await stats(client)
    assert (told["misses"], told["hits"]) == (3, 3)
    assert told["saved_bytes"] == 2 * sum(
        max(0, len(sent) - len(data))
        for sent, data in zip((large, drawing, turned), first, strict=True)
    )


def images(sent: Json) -> list[str]:
    found: list[str] = next(one["images"] for one in sent["messages"] if one.get("images"))
    return found


async def test_settings_say_what_a_model_gets(tmp_path: Path, fake: FakeOllama) -> None:
    async with running_agent(
        tmp_path / "data",
        ollama_url=fake.url,
        image_max_edge=640,
        image_max_bytes=16 * 1024,
        image_format="webp",
    ) as served:
        await served.agent.backend.until(lambda state: state.is_up)
        conversation = await opened(served.client)
        sha256 = await upload(served.client, noisy((1200, 900), "JPEG", quality=90))

        await ask(served.client, conversation["id"], "What is it?", images=[sha256])

    (sent,) = [base64.b64decode(one) for one in images(chats(fake)[-1])]
    made = Image.open(BytesIO(sent))
    assert made.format == "WEBP"
    assert max(made.size) <= 640
    assert len(sent) <= 16 * 1024


# --- ill will and sheer size --------------------------------------------------------------------


async def test_a_picture_that_never_ends_is_given_up_and_the_next_one_is_read(
    tmp_path: Path,
) -> None:
    async with running_agent(tmp_path / "data", image_seconds=1.5) as served:
        client, endless = served.client, endless_jpeg()
        began = time.monotonic()

        refused = await asyncio.gather(
            *(client.post(IMAGES, content=endless, headers=RAW) for _ in range(2))
        )
        sha256 = await upload(client, picture())

        assert [problem(reply) for reply in refused] == [(422, "image-too-slow")] * 2
        assert "1.5 s" in refused[0].json()["detail"]
        assert time.monotonic() - began < 20  # the picture has no end
        assert (await shrunk(client, sha256, max_edge=4)).size == (4, 3)
        assert len(decoders()) == 1
    assert decoders() == []


async def test_a_decoder_that_dies_is_replaced(alone: httpx.AsyncClient) -> None:
    sha256 = await upload(alone, picture())
    (process,) = decoders()
    process.kill()
    process.wait(5)

    assert (await shrunk(alone, sha256, max_edge=4)).size == (4, 3)
    assert [one.pid for one in decoders()] != [process.pid]


def test_a_packaged_program_decodes_by_starting_itself() -> None:
    asked = BytesIO()
    send(asked, {"mime": "image/png"}, picture())
    send(asked, {"mime": "image/png"}, b"no picture")

    command = [sys.executable, "-m", "agent", WORKER_FLAG]
    ended = subprocess.run(command, input=asked.getvalue(), capture_output=True, check=True)

    answered = BytesIO(ended.stdout)
    assert receive(answered) == ({"size": [8, 6]}, b"")
    assert receive(answered) == ({"problem": "damaged"}, b"")
    assert ended.stderr == b""


def decoders() -> list[psutil.Process]:
    """The processes that decode for this one."""
    found = []
    for child in psutil.Process().children():
        try:
            if "agent.images.worker" in " ".join(child.cmdline()):
                found.append(child)
        except psutil.Error:  # it ended meanwhile
            pass
    return found


@pytest.mark.slow
async def test_a_hundred_megapixels_are_shrunk_and_more_are_refused(
    alone: httpx.AsyncClient,
) -> None:
    huge = blank_png(10_000, 10_000)

    sha256 = await upload(alone, huge)
    made = await shrunk(alone, sha256, max_edge=1568, format="jpeg")
    more = await alone.post(IMAGES, content=blank_png(20_000, 6_001), headers=RAW)

    assert made.size == (1568, 1568)
    assert problem(more) == (413, "image-too-many-pixels")
    assert "120 megapixels" in more.json()["detail"]


@pytest.mark.slow
@pytest.mark.timeout(60)
async def test_a_hundred_megapixels_in_colour_with_holes_are_shrunk(
    alone: httpx.AsyncClient,
) -> None:
    sha256 = await upload(alone, blank_png(10_000, 10_000, channels=4))

    for form in FORMATS:
        assert (await shrunk(alone, sha256, max_edge=1568, format=form)).size == (1568, 1568)


@pytest.mark.slow
@pytest.mark.timeout(60)
async def test_a_photograph_of_25_megabytes_passes_each_way(alone: httpx.AsyncClient) -> None:
    photograph = noisy((4200, 3150), "JPEG", quality=92, subsampling=0)
    assert 25_000_000 < len(photograph) < 32 << 20
    url = f"data:image/jpeg;base64,{base64.b64encode(photograph).decode()}"

    replies = [
        await alone.post(IMAGES, content=photograph, headers=RAW),
        await alone.post(IMAGES, files={"file": ("photo.jpg", photograph, "image/jpeg")}),
        await alone.post(IMAGES, json={"data_url": url}),
    ]

    told = [body(reply, 201) for reply in replies]
    assert [(one["width"], one["height"], one["size_bytes"]) for one in told] == [
        (4200, 3150, len(photograph))
    ] * 3
    assert (await shrunk(alone, told[0]["sha256"], max_edge=1568)).size == (1568, 1176)


async def test_a_picture_of_an_iphone_is_refused_with_the_way_out(
    alone: httpx.AsyncClient,
) -> None:
    heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200)

    reply = await alone.post(IMAGES, content=heic, headers=RAW)

    assert problem(reply) in {(415, "no-heic"), (422, "image-damaged")}
    assert "JPEG" in reply.json()["detail"] or problem(reply)[1] == "image-damaged"
