"""Pictures in questions: sent once, seen by models that can, and gone with the conversation."""

import asyncio
import base64
import hashlib
import io
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
from PIL import Image
from sqlalchemy import insert

from hub.chat.picture_store import PICTURE
from hub.chat.pictures import MOST_PICTURES
from hub.identity.service import NewAccount
from tests.clock import MovingClock
from tests.hub.asking import Asked, Json, asked_hub, code, streamed
from tests.hub.serving import PASSWORD
from tests.hub.test_conversations import opened

SEES = "qwen2.5vl:7b"
pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def asked(
    environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Asked]:
    async with asked_hub(tmp_path_factory.mktemp("pictures"), environment) as one:
        yield await with_eyes(one)


async def with_eyes(asked: Asked) -> Asked:
    """A model that sees pictures is known to the hub."""
    asked.near.add_model(SEES, capabilities=["completion", "vision"])
    for one in (await asked.ada.get("/providers")).json()["items"]:
        await asked.ada.post(f"/providers/{one['id']}/test")
    names = [one["name"] for one in (await asked.ada.get("/ai/models")).json()["items"]]
    assert SEES in names
    return asked


def picture(colour: str, size: tuple[int, int] = (40, 30), kind: str = "PNG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, kind)
    return out.getvalue()


async def sent(browser: httpx.AsyncClient, data: bytes) -> Json:
    answer = await browser.post("/images", files={"file": ("a.png", data, "image/png")})
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()
    return made


async def question(asked: Asked, conversation: str, **body: object) -> Json:
    asked.near.misbehave(path="/api/chat", text="A red one.")
    events = await streamed(asked.bob, f"/conversations/{conversation}/messages", dict(body))
    assert events[-1].name == "done", events[-1].data
    posted: Json = events[0].data
    return posted


def images_sent(asked: Asked) -> list[int]:
    """How many pictures each message had in the last question to the model server."""
    chats = [one.body for one in asked.near.requests if one.path == "/api/chat"]
    return [len(one.get("images") or ()) for one in chats[-1]["messages"]]


async def test_a_picture_is_kept_shrunk_and_is_its_owners_alone(asked: Asked) -> None:
    small = await sent(asked.bob, picture("red"))
    large = await sent(asked.bob, picture("blue", (4000, 1000), "JPEG"))
    url = f"data:image/png;base64,{base64.b64encode(picture('red')).decode()}"
    again = await asked.bob.post("/images", json={"data_url": url})
    mine = await asked.bob.get(f"/images/{large['sha256']}")
    theirs = await asked.ada.get(f"/images/{large['sha256']}")
    refused = [
        await asked.bob.post("/images", files={"file": ("a.png", b"GIF, I swear", "image/png")}),
        await asked.bob.post("/images", content=picture("red")[:40]),
        await asked.bob.get("/images/..%2f"),
        theirs,
    ]

    assert (small["width"], small["height"], again.json()) == (40, 30, small)
    assert (large["width"], large["height"]) == (1536, 384)
    assert hashlib.sha256(mine.content).hexdigest() == large["sha256"]
    assert mine.headers["Content-Type"] == large["mime"]
    assert [code(one)[0] for one in refused] == [415, 422, 404, 404]


async def test_a_model_that_sees_gets_the_picture_and_no_other(asked: Asked) -> None:
    one = (await opened(asked.bob))["id"]
    sha256 = (await sent(asked.bob, picture("green")))["sha256"]
    path, body = f"/conversations/{one}/messages", {"content": "What is it?", "images": [sha256]}
    blind = await asked.bob.post(path, json={**body, "model": "qwen3:4b"})
    posted = await question(asked, one, **body, model=SEES)
    seen = images_sent(asked)
    later = await question(asked, one, content="And left of it?", model=SEES)
    then = images_sent(asked)
    asked.near.misbehave(path="/api/chat", text="I was told.")
    told = await streamed(asked.bob, path, {"content": "Say more", "model": "qwen3:4b"})
    foreign = await asked.ada.post("/conversations", json={})
    stolen = await asked.ada.post(
        f"/conversations/{foreign.json()['id']}/messages", json={**body, "model": SEES}
    )

    assert (code(blind), blind.json()["detail"]) == (
        (422, "no-such-ability"),
        "qwen3:4b cannot see images.",
    )
    assert posted["message"]["images"] == [sha256]
    assert (seen, then) == ([0, 1], [0, 1, 0, 0])
    assert later["message"]["images"] == []
    assert told[-1].name == "done"
    assert code(stolen) == (422, "no-such-image")


async def test_whom_it_is_shared_with_sees_it_and_an_export_carries_it(asked: Asked) -> None:
    kim = (await asked.hub.hub.local.add(NewAccount("kim", PASSWORD)))["id"]
    browser = await asked.hub.signed_in("kim")
    one = (await opened(asked.bob))["id"]
    sha256 = (await sent(asked.bob, picture("purple")))["sha256"]
    await question(asked, one, content="", images=[sha256], model=SEES)
    before = await browser.get(f"/images/{sha256}")
    share = {"kind": "person", "subject": kim}
    await asked.bob.post(f"/conversations/{one}/share", json=share)
    after = await browser.get(f"/images/{sha256}")
    exported = (await browser.get(f"/conversations/{one}/export")).json()
    words = await browser.get(f"/conversations/{one}/export", params={"format": "md"})

    assert (before.status_code, after.status_code) == (404, 200)
    assert base64.b64decode(exported["images"][sha256]["base64"]) == after.content
    assert f"*Picture {sha256[:12]}*" in words.text


async def test_pictures_go_with_the_conversation_and_unused_ones_after_a_day(
    tmp_path: Path,
) -> None:
    clock = MovingClock()
    async with asked_hub(tmp_path / "data", {}, clock=clock) as asked:
        await with_eyes(asked)
        one = (await opened(asked.bob))["id"]
        shown, unused = [
            (await sent(asked.bob, picture(colour)))["sha256"] for colour in ("black", "white")
        ]
        await question(asked, one, content="x", images=[shown], model=SEES)

        async def there_after(days: int) -> list[int]:
            clock.passes(days=days)
            await purged(await asked.hub.signed_in("ada"), clock)
            browser = await asked.hub.signed_in("bob")
            return [(await browser.get(f"/images/{sha}")).status_code for sha in (shown, unused)]

        kept = await there_after(2)
        await (await asked.hub.signed_in("bob")).delete(f"/conversations/{one}")
        gone = await there_after(8)

    assert (kept, gone) == ([200, 404], [404, 404])


async def test_there_is_a_bound_on_what_one_keeps(asked: Asked) -> None:
    made = await asked.hub.hub.local.add(NewAccount("max", PASSWORD))
    browser = await asked.hub.signed_in("max")
    first = await sent(browser, picture("red"))
    full = {"account_id": made["id"], "mime": "image/png", "width": 1, "height": 1}
    full |= {"size_bytes": 1, "base64": "", "used_at": "9"}
    async with asked.hub.hub.core.database.writing() as connection:
        rows = [{**full, "sha256": f"{at}"} for at in range(MOST_PICTURES - 1)]
        await connection.execute(insert(PICTURE), rows)
    refused = await browser.post("/images", content=picture("blue"))

    assert code(refused) == (507, "pictures-full")
    assert await sent(browser, picture("red")) == first


async def purged(ada: httpx.AsyncClient, clock: MovingClock) -> None:
    async with asyncio.timeout(20):
        # Those days may have begun one by themselves, and there is one at a time.
        while (answer := await ada.post("/jobs", json={"name": "conversations.purge"})).is_error:
            clock.passes(seconds=1)
            await asyncio.sleep(0.02)
        begun = answer.json()
        while (await ada.get(f"/jobs/{begun['id']}")).json()["state"] != "done":
            clock.passes(seconds=1)
            await asyncio.sleep(0.02)
