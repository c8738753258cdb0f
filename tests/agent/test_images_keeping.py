"""Which originals stay, and which are thrown away when their time has come."""

import hashlib
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from agent import migrations
from agent.images.rules import Shrink
from agent.images.service import ImageService, open_images
from agent.migrations import migrate
from agent.shared.database import Database
from agent.shared.errors import NotFound
from tests.agent.talking import ask, body, messages, opened, picture, problem, upload
from tests.clock import MovingClock
from tests.serving import Served, running_agent

IMAGES = "/api/v1/images"


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file()}


async def is_kept(served: Served, sha256: str) -> bool:
    """Whether the picture, its file and what was made of it are there, or none of them."""
    told = {
        (await served.client.get(f"{IMAGES}/{sha256}")).status_code == 200,
        (await served.client.get(f"{IMAGES}/{sha256}?max_edge=4")).status_code == 200,
        sha256 in files(served.settings.image_dir),
    }
    assert len(told) == 1
    return told.pop()


async def test_a_picture_that_was_never_sent_goes_after_a_day(tmp_path: Path) -> None:
    clock = MovingClock()
    async with running_agent(tmp_path / "data", clock=clock) as served:
        never = await upload(served.client, picture(shade=1))
        again = await upload(served.client, picture(shade=2))
        clock.passes(hours=23)
        await upload(served.client, picture(shade=2))
        await served.agent.tidy()
        clock.passes(hours=2)
        before = [await is_kept(served, one) for one in (never, again)]
        while body(await served.client.get(f"{IMAGES}/stats"))["variants"] < 2:
            pass  # what was just made is on its way into the cache

        await served.agent.tidy()

        after = [await is_kept(served, one) for one in (never, again)]
        left = body(await served.client.get(f"{IMAGES}/stats"))
        back = await upload(served.client, picture(shade=1))
        assert await is_kept(served, back)
    assert (before, after) == ([True, True], [False, True])
    assert (left["count"], left["variants"]) == (1, 1)


async def test_a_picture_stays_as_long_as_a_message_shows_it(tmp_path: Path) -> None:
    clock = MovingClock()
    async with running_agent(tmp_path / "data", clock=clock) as served:
        client = served.client
        one, two = await opened(client), await opened(client)
        alone, shared = [await upload(client, picture(shade=shade)) for shade in (1, 2)]
        await ask(client, one["id"], images=[alone, shared])
        await ask(client, two["id"], images=[shared])
        clock.passes(days=60)
        await served.agent.tidy()
        before = [await is_kept(served, sha256) for sha256 in (alone, shared)]

        await client.delete(f"/api/v1/conversations/{one['id']}")
        await served.agent.tidy()  # it can still be restored
        restorable = [await is_kept(served, sha256) for sha256 in (alone, shared)]
        clock.passes(days=8)
        await served.agent.tidy()

        after = [await is_kept(served, sha256) for sha256 in (alone, shared)]
        left = await messages(client, two["id"])
        refused = await client.post(
            f"/api/v1/conversations/{two['id']}/messages",
            json={"content": "See?", "images": [alone]},
        )
    assert (before, restorable, after) == ([True, True], [True, True], [False, True])
    assert left[0]["images"] == [shared]
    assert problem(refused) == (422, "no-such-image")


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock()


@pytest.fixture
async def images(tmp_path: Path, clock: MovingClock) -> AsyncIterator[ImageService]:
    """The service alone."""
    migrate(tmp_path / "agent.db", now=clock())
    database = Database(tmp_path / "agent.db")
    async with open_images(
        database,
        tmp_path / "images",
        clock,
        cache_file=tmp_path / "images.db",
        for_models=Shrink(100, None, "jpeg"),
    ) as images:
        yield images
    await database.close()


async def test_what_is_asked_for_or_held_stays(
    tmp_path: Path, images: ImageService, clock: MovingClock
) -> None:
    held, wanted, forgotten = [
        (await images.keep(picture(shade=shade))).sha256 for shade in (1, 2, 3)
    ]
    clock.passes(hours=25)
    with images.holding([held, held]):
        missing = await images.missing([wanted, "0" * 64])

        removed = await images.tidy()

        left = await images.missing([held, wanted, forgotten])
    clock.passes(hours=25)
    last = await images.tidy()

    assert missing == ["0" * 64]
    assert (removed, left) == (1, [forgotten])
    assert last == 2
    assert files(tmp_path / "images") == set()


async def test_what_a_crash_left_behind_is_swept_up(
    tmp_path: Path, images: ImageService, clock: MovingClock
) -> None:
    kept = (await images.keep(picture())).sha256
    stray = hashlib.sha256(b"stray").hexdigest()
    for name in (stray, "tmpx.part", "notes.txt"):
        file = tmp_path / "images" / stray[:2] / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"half")
        _make_old(file, clock)
    young = hashlib.sha256(b"young").hexdigest()
    (tmp_path / "images" / stray[:2] / young).write_bytes(b"being written")
    _make_old(tmp_path / "images" / kept[:2] / kept, clock)

    await images.tidy()

    assert files(tmp_path / "images") == {kept, "notes.txt", young}


def _make_old(file: Path, clock: MovingClock) -> None:
    moment = (clock() - timedelta(days=2)).timestamp()
    os.utime(file, (moment, moment))


async def test_a_picture_of_a_stateless_call_is_shrunk_and_not_kept(images: ImageService) -> None:
    data = picture(size=(300, 200))
    first, again = [await images.bytes_for_model(data) for _ in range(2)]
    with pytest.raises(NotFound):
        await images.for_model(hashlib.sha256(data).hexdigest())
    while (told := await images.stats()).variants < 1:
        pass  # what was just made is on its way into the cache
    sha256 = (await images.keep(data)).sha256

    assert await images.for_model(sha256) == first == again

    assert (told.count, told.hits, told.variants) == (0, 1, 1)


def test_messages_from_before_the_schema_knew_keep_their_pictures(
    tmp_path: Path, clock: MovingClock
) -> None:
    file = tmp_path / "agent.db"
    upgrade(file, "0001")
    with closing(sqlite3.connect(file)) as connection:
        connection.execute(
            "INSERT INTO conversation VALUES (1, 'c', '', 1, NULL, NULL, 't', 't', 0, 0, NULL, 2,"
            " NULL)"
        )
        for number, shown in ((1, '["aa", "bb", "aa"]'), (2, "[]")):
            connection.execute(
                "INSERT INTO message VALUES (?, ?, 'c', NULL, 'user', 'x', '', ?, NULL, NULL,"
                " 'complete', 't', NULL, NULL, '[]', 0, NULL)",
                (number, f"m{number}", shown),
            )
        connection.execute("INSERT INTO image VALUES ('aa', 'image/png', 1, 1, 1, 'then')")
        connection.commit()

    migrate(file, now=clock())

    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        uses = connection.execute("SELECT sha256, message FROM image_use ORDER BY 1").fetchall()
        touched = connection.execute("SELECT sha256, touched_at FROM image").fetchall()
        connection.execute("DELETE FROM conversation")
        left = connection.execute("SELECT count(*) FROM image_use").fetchone()
    assert uses == [("aa", 1), ("bb", 1)]
    assert touched == [("aa", "then")]
    assert left == (0,)


def upgrade(file: Path, version: str) -> None:
    """Brings a new file to the schema of an earlier version."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, version)
    engine.dispose()
