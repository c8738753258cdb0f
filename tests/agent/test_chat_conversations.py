"""Conversations over HTTP: open, change, list, delete, undo, and what is refused."""

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.agent.talking import MODEL, ask, body, every, messages, opened, problem
from tests.clock import MovingClock
from tests.serving import Served, running_agent

LIST = "/api/v1/conversations"
NOWHERE = "00000000-0000-7000-8000-000000000000"


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock()


@pytest.fixture
async def timed(tmp_path: Path, clock: MovingClock) -> AsyncIterator[Served]:
    """An agent without a model whose time stands still."""
    async with running_agent(tmp_path / "timed", clock=clock) as served:
        yield served


async def test_a_new_conversation_is_empty_and_says_so(timed: Served) -> None:
    reply = await timed.client.post(LIST, json={})

    new = body(reply, 201)
    assert new == {
        "id": new["id"],
        "title": "",
        "model": None,
        "system": None,
        "created_at": "2026-01-31T09:05:00.000000Z",
        "updated_at": "2026-01-31T09:05:00.000000Z",
        "archived": False,
        "pinned": False,
        "active_message_id": None,
        "message_count": 0,
    }
    assert body(await timed.client.get(f"{LIST}/{new['id']}")) == new
    assert body(await timed.client.get(LIST)) == {
        "items": [new],
        "next_cursor": None,
    }


CHANGES: list[dict[str, object]] = [
    {"title": "Stringing"},
    {"model": "qwen3:8b"},
    {"model": None},
    {"system": "Answer in Welsh."},
    {"system": None},
    {"archived": True},
    {"pinned": True},
    {"title": "Both", "pinned": True, "archived": True},
]


async def test_each_field_can_be_changed_and_stays_so(timed: Served) -> None:
    for change in CHANGES:
        old = await opened(timed.client, title="Old", model=MODEL, system="Be brief.")

        new = body(await timed.client.patch(f"{LIST}/{old['id']}", json=change))

        assert new == old | change
        assert body(await timed.client.get(f"{LIST}/{old['id']}")) == new


async def test_the_branch_that_is_shown_can_be_changed(client: httpx.AsyncClient) -> None:
    conversation = await opened(client)
    first = await ask(client, conversation["id"])
    await ask(client, conversation["id"], "And PLA?", parent_id=None)

    changed = body(
        await client.patch(
            f"{LIST}/{conversation['id']}", json={"active_message_id": first.answer["id"]}
        )
    )
    third = await ask(client, conversation["id"], "More, please")

    assert changed["active_message_id"] == first.answer["id"]
    assert third.message["parent_id"] == first.answer["id"]


async def test_the_branch_of_another_conversation_cannot_be_shown(
    client: httpx.AsyncClient,
) -> None:
    one, other = await opened(client), await opened(client)
    talk = await ask(client, other["id"])

    for message_id in (talk.answer["id"], NOWHERE):
        reply = await client.patch(f"{LIST}/{one['id']}", json={"active_message_id": message_id})
        assert problem(reply) == (422, "no-such-message")

    assert (await client.get(f"{LIST}/{one['id']}")).json()["active_message_id"] is None


# --- what is refused ----------------------------------------------------------------------------


UNKNOWN = [
    ("GET", f"{LIST}/{NOWHERE}"),
    ("PATCH", f"{LIST}/{NOWHERE}"),
    ("DELETE", f"{LIST}/{NOWHERE}"),
    ("POST", f"{LIST}/{NOWHERE}/restore"),
    ("GET", f"{LIST}/{NOWHERE}/messages"),
    ("POST", f"{LIST}/{NOWHERE}/messages"),
    ("GET", f"{LIST}/{NOWHERE}/export"),
    ("GET", f"{LIST}/not%20an%00id"),
    ("POST", f"/api/v1/messages/{NOWHERE}/regenerate"),
    ("GET", f"/api/v1/runs/{NOWHERE}"),
    ("GET", f"/api/v1/runs/{NOWHERE}/events"),
    ("POST", f"/api/v1/runs/{NOWHERE}/cancel"),
    ("GET", f"/api/v1/images/{'0' * 64}"),
    ("GET", "/api/v1/images/..%2f..%2ftoken"),
]


async def test_an_unknown_id_is_not_found(timed: Served) -> None:
    for method, path in UNKNOWN:
        content = {"content": "x"} if path.endswith("/messages") else {}

        reply = await timed.client.request(method, path, json=content if method != "GET" else None)

        assert problem(reply)[0] == 404, path


BODIES: list[tuple[bytes, int, list[str] | None]] = [
    (b'{"titel": "x"}', 422, ["titel"]),
    (b'{"title": 7}', 422, ["title"]),
    (b'{"title": ["x"], "model": {}}', 422, ["title", "model"]),
    (b'{"title": "%s"}' % (b"x" * 301), 422, ["title"]),
    (b"[]", 422, ["(body)"]),
    (b"null", 422, ["(body)"]),
    (b"", 400, None),
    (b'{"title": ', 400, None),
    (b'{"title": "\xff"}', 400, None),
    (b'{"title": "\\ud800"}', 400, None),
    (b"[" * 5000, 400, None),
    (b'{"title": NaN}', 400, None),
]


async def test_a_body_that_does_not_fit_is_told_what_is_wrong(timed: Served) -> None:
    headers = {"Content-Type": "application/json"}

    for sent, status, fields in BODIES:
        reply = await timed.client.post(LIST, content=sent, headers=headers)

        assert problem(reply) == (status, "invalid-fields" if fields else "bad-json")
        assert ([e["field"] for e in reply.json()["errors"]] if fields else None) == fields
    assert body(await timed.client.get(LIST))["items"] == []


async def test_a_body_that_is_not_called_json_is_refused(timed: Served) -> None:
    for kind in ("text/plain", "application/x-www-form-urlencoded", None):
        headers = {"Content-Type": kind} if kind else {}

        reply = await timed.client.post(LIST, content=b'{"title": "x"}', headers=headers)

        assert problem(reply) == (415, "json-wanted")


async def test_a_body_without_an_end_in_sight_is_refused(timed: Served) -> None:
    headers = {"Content-Type": "application/json"}

    told = await timed.client.post(
        LIST, content=b'{"title": "%s"}' % (b"x" * (9 << 20)), headers=headers
    )
    untold = await timed.client.post(LIST, content=_pieces(9), headers=headers)

    assert problem(told) == (413, "body-too-large")
    assert problem(untold) == (413, "body-too-large")
    assert body(await timed.client.get(LIST))["items"] == []


async def _pieces(megabytes: int) -> AsyncIterator[bytes]:
    """A body whose length nobody tells beforehand."""
    for _ in range(megabytes):
        yield b" " * (1 << 20)


async def test_a_cursor_that_no_list_gave_is_refused(timed: Served) -> None:
    made_up = ["x", "é", *map(_cursor, ([1], None, [2**64 - 1, "a", "b"], [-1, "a", "b"]))]
    for cursor in made_up:
        reply = await timed.client.get(LIST, params={"cursor": cursor})

        assert problem(reply) == (400, "bad-cursor")


@pytest.mark.parametrize("path", ["runs", "slicer/files", "slicer/advice", "slicer/held"])
async def test_lists_that_begin_behind_an_id_refuse_what_is_no_cursor_of_theirs(
    timed: Served, path: str
) -> None:
    for cursor in ("x", "0", NOWHERE, _cursor([True, "a", "b"])):
        reply = await timed.client.get(f"/api/v1/{path}", params={"cursor": cursor})

        assert problem(reply) == (400, "bad-cursor")


@pytest.mark.parametrize("value", ["yes", "off", 1, "true"])
async def test_only_true_and_false_are_true_and_false(timed: Served, value: object) -> None:
    at = f"{LIST}/{(await opened(timed.client))['id']}"

    reply = await timed.client.patch(at, json={"pinned": value})

    assert problem(reply) == (422, "invalid-fields")
    assert (await timed.client.get(at)).json()["pinned"] is False


def _cursor(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


async def test_a_query_that_does_not_fit_is_told_what_is_wrong(timed: Served) -> None:
    for name, value in [
        ("limit", "0"),
        ("limit", "201"),
        ("limit", "x"),
        ("order", "up"),
        ("archived", "?"),
    ]:
        reply = await timed.client.get(LIST, params={name: value})

        assert problem(reply) == (422, "invalid-fields")
        assert [error["field"] for error in reply.json()["errors"]] == [name]


# --- lists --------------------------------------------------------------------------------------


async def test_pinned_ones_come_first_then_the_latest_and_archived_ones_apart(
    timed: Served, clock: MovingClock
) -> None:
    ids = {}
    for title in ("one", "two", "three", "four", "five"):
        ids[title] = (await opened(timed.client, title=title))["id"]
        clock.passes(seconds=1)
    await timed.client.patch(f"{LIST}/{ids['two']}", json={"pinned": True})
    await timed.client.patch(f"{LIST}/{ids['four']}", json={"archived": True})

    shown = await every(timed.client, LIST)
    archived = await every(timed.client, LIST, archived="true")

    assert [one["title"] for one in shown] == ["two", "five", "three", "one"]
    assert [one["title"] for one in archived] == ["four"]


async def test_a_new_message_brings_a_conversation_to_the_top(
    timed: Served, clock: MovingClock
) -> None:
    old = await opened(timed.client, title="old")
    clock.passes(seconds=1)
    await opened(timed.client, title="new")
    clock.passes(seconds=1)

    await ask(timed.client, old["id"])

    assert [one["title"] for one in await every(timed.client, LIST)] == ["old", "new"]


@pytest.mark.timeout(40)
async def test_pages_hold_each_conversation_once_though_new_ones_come(
    timed: Served, clock: MovingClock
) -> None:
    old = []
    for number in range(250):
        one = await opened(timed.client, title=f"Number {number}")
        if number % 25 == 0:
            await timed.client.patch(f"{LIST}/{one['id']}", json={"pinned": True})
        old.append(one["id"])
        clock.passes(milliseconds=number % 3)  # some in the same instant

    seen: list[str] = []
    cursor = None
    while True:
        query = {"limit": 17} | ({"cursor": cursor} if cursor else {})
        page = body(await timed.client.get(LIST, params=query))
        seen += [one["id"] for one in page["items"]]
        clock.passes(seconds=1)
        await opened(timed.client, title="meanwhile")
        if (cursor := page["next_cursor"]) is None:
            break

    assert sorted(seen) == sorted(old)
    assert len(page["items"]) == 250 % 17


# --- titles -------------------------------------------------------------------------------------


async def test_the_first_question_makes_the_title(client: httpx.AsyncClient) -> None:
    conversation = await opened(client)

    await ask(client, conversation["id"], "## **Why** does `PETG`\n\nstring so much? " + "x " * 60)
    await ask(client, conversation["id"], "And what about PLA?")

    title = (await client.get(f"{LIST}/{conversation['id']}")).json()["title"]
    assert title.startswith("Why does PETG string so much? x x")
    assert title.endswith("…")
    assert len(title) <= 60


async def test_a_title_that_someone_chose_is_kept(client: httpx.AsyncClient) -> None:
    given = await opened(client, title="Mine")
    emptied = await opened(client)
    await client.patch(f"{LIST}/{emptied['id']}", json={"title": ""})

    for conversation in (given, emptied):
        await ask(client, conversation["id"], "Why does PETG string?")

    titles = [(await client.get(f"{LIST}/{one['id']}")).json()["title"] for one in (given, emptied)]
    assert titles == ["Mine", ""]


# --- delete and undo ----------------------------------------------------------------------------


async def test_a_deleted_conversation_is_gone_until_it_is_restored(timed: Served) -> None:
    conversation = await opened(timed.client, title="Keep me")
    await ask(timed.client, conversation["id"])
    before = body(await timed.client.get(f"{LIST}/{conversation['id']}"))
    told = await messages(timed.client, conversation["id"])

    deleted = await timed.client.delete(f"{LIST}/{conversation['id']}")
    gone = [
        await timed.client.get(f"{LIST}/{conversation['id']}"),
        await timed.client.get(f"{LIST}/{conversation['id']}/messages"),
        await timed.client.delete(f"{LIST}/{conversation['id']}"),
        await timed.client.post(f"{LIST}/{conversation['id']}/messages", json={"content": "x"}),
        await timed.client.post(f"/api/v1/messages/{told[1]['id']}/regenerate", json={}),
    ]
    shown = body(await timed.client.get(LIST))["items"]
    restored = await timed.client.post(f"{LIST}/{conversation['id']}/restore")

    assert (deleted.status_code, deleted.content) == (204, b"")
    assert [problem(reply) for reply in gone] == [(404, "no-such-conversation")] * 5
    assert shown == []
    assert body(restored) == before
    assert await messages(timed.client, conversation["id"]) == told


async def test_a_week_later_a_deletion_is_final(timed: Served, clock: MovingClock) -> None:
    kept, gone = await opened(timed.client, title="kept"), await opened(timed.client, title="gone")
    talk = await ask(timed.client, gone["id"], "Why does PETG string?")
    await timed.client.delete(f"{LIST}/{kept['id']}")
    await timed.client.delete(f"{LIST}/{gone['id']}")

    clock.passes(days=6.9)
    await timed.agent.tidy()
    body(await timed.client.post(f"{LIST}/{kept['id']}/restore"))
    clock.passes(days=0.2)
    too_late = await timed.client.post(f"{LIST}/{gone['id']}/restore")
    await timed.agent.tidy()

    assert problem(too_late) == (404, "no-such-conversation")
    assert [one["title"] for one in await every(timed.client, LIST)] == ["kept"]
    # Nothing of it is left: not the run that wrote the answer, nor the text in the file.
    assert problem(await timed.client.get(f"/api/v1/runs/{talk.run['id']}"))[0] == 404
    assert body(await timed.client.get(LIST, params={"q": "PETG"}))["items"] == []


async def test_deleting_stops_every_answer_in_it(served: Served, tmp_path: Path) -> None:
    conversation = await opened(served.client)
    running = body(
        await served.client.post(
            f"{LIST}/{conversation['id']}/messages", json={"content": "one", "model": "think"}
        ),
        202,
    )

    await served.client.delete(f"{LIST}/{conversation['id']}")

    run = body(await served.client.get(f"/api/v1/runs/{running['run']['id']}"))
    assert run["state"] in {"cancelled", "done"}
