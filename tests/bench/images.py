"""A photograph of twelve megapixels to the size that models get: the first time, and again."""

import base64
import time
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from PIL import Image, ImageDraw

from tests.bench.connection import BenchError, Connection
from tests.bench.processes import Agent, Fake, orca_agent
from tests.bench.report import Row, ms, watching
from tests.bench.targets import median, percentile

SIZE, EDGE = (4000, 3000), 1568
FIRST_RATIO, CACHED_S = 1.15, 0.002
IMAGES = "/api/v1/images"


async def measure(fake: Fake, folder: Path, *, quick: bool) -> list[Row]:
    """Each photograph is shrunk once by Pillow alone and once by the agent, in turns."""
    count, repeats = (4, 40) if quick else (20, 400)
    photographs = [_photograph(number) for number in range(count)]
    alone_s: list[float] = []
    first_s: list[float] = []
    async with orca_agent(folder, folder / "pictures", fake.url) as agent:
        connection = await Connection.open(agent.url)
        hashes = [await _upload(connection, agent, data) for data in photographs]
        with watching(agent.process, fake.process) as others:
            for number, sha256 in enumerate(hashes):
                file = folder / "pictures" / "images" / sha256[:2] / sha256
                if number % 2:
                    alone_s.append(_alone(file))
                first_s.append(await _shrunk(connection, agent, sha256))
                if not number % 2:
                    alone_s.append(_alone(file))
            again = (hashes[number % count] for number in range(repeats))
            cached_s = [await _shrunk(connection, agent, sha256) for sha256 in again]
        connection.close()
    return _rows(alone_s, first_s, cached_s, len(photographs[0]), others.cores)


def _rows(
    alone_s: Sequence[float],
    first_s: Sequence[float],
    cached_s: Sequence[float],
    size_bytes: int,
    others: float,
) -> list[Row]:
    alone, first, cached = median(alone_s), median(first_s), median(cached_s)
    under = f"12-megapixel JPEG ({size_bytes / 1e6:.1f} MB) to {EDGE} pixels"
    return [
        Row(
            "picture, first time",
            under,
            ms(first),
            f"Pillow alone {ms(alone)}",
            f"{first / alone:.2f} ×",
            f"< {FIRST_RATIO:g} × Pillow",
            first < FIRST_RATIO * alone,
            {"first": first, "alone": alone},
            others,
        ),
        Row(
            "picture, cached",
            under,
            f"p50 {ms(cached)}, p95 {ms(percentile(cached_s, 95))}",
            f"Pillow alone {ms(alone)}",
            f"1/{alone / cached:.0f}",
            f"p50 < {CACHED_S * 1000:g} ms",
            cached < CACHED_S,
            {"p50": cached, "p95": percentile(cached_s, 95)},
            others,
        ),
    ]


def _photograph(number: int) -> bytes:
    """Soft shapes, edges and grain, as a camera sees a print; another number, another one."""
    soft = [
        Image.effect_noise((40, 30), 90).resize(SIZE, Image.Resampling.BICUBIC) for _ in range(3)
    ]
    grain = Image.effect_noise((SIZE[0] // 2, SIZE[1] // 2), 12).resize(SIZE)
    picture = Image.merge("RGB", [Image.blend(one, grain, 0.4) for one in soft])
    draw = ImageDraw.Draw(picture)
    for line in range(0, SIZE[1], 24):  # layers
        draw.line([(700, line), (3300, line + number % 7)], fill=(60, 70, 80), width=3)
    draw.text((100, 100), f"print {number}", fill="white", font_size=200)
    out = BytesIO()
    picture.save(out, "JPEG", quality=90)
    return out.getvalue()


def _alone(file: Path) -> float:
    """The fastest way that Pillow itself has: decoded at half its size, then shrunk."""
    began = time.perf_counter()
    with Image.open(file) as picture:
        picture.draft(None, (EDGE, EDGE * SIZE[1] // SIZE[0]))
        small = picture.resize((EDGE, EDGE * SIZE[1] // SIZE[0]), Image.Resampling.LANCZOS)
        out = BytesIO()
        small.save(out, "JPEG", quality=85)
    return time.perf_counter() - began


async def _upload(connection: Connection, agent: Agent, data: bytes) -> str:
    url = f"data:image/jpeg;base64,{base64.b64encode(data).decode()}"
    answer = await connection.fetch("POST", IMAGES, {"data_url": url}, agent.token)
    if answer.status != 201:
        raise BenchError(f"the agent refuses the picture: {answer.body[:200]!r}")
    return str(answer.json()["sha256"])


async def _shrunk(connection: Connection, agent: Agent, sha256: str) -> float:
    began = time.perf_counter()
    path = f"{IMAGES}/{sha256}?max_edge={EDGE}&format=jpeg"
    answer = await connection.fetch("GET", path, token=agent.token)
    took_s = time.perf_counter() - began
    if answer.status != 200 or not answer.body.startswith(b"\xff\xd8"):
        raise BenchError(f"no JPEG came: {answer.body[:200]!r}")
    return took_s
