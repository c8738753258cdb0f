"""Exported conversations come in again: of a hub, of an agent, once however often."""

import base64
import hashlib
from typing import Any

import httpx
import pytest

from tests.hub.serving import Served
from tests.hub.test_conversations import Json, opened, titles
from tests.hub.test_conversations_pictures import picture
from tests.hub.test_people import code

pytestmark = pytest.mark.asyncio(loop_scope="module")
AT = "2026-03-01T10:00:00.000000Z"
ONE, TWO, THREE = (f"0195a1b{at}-0000-7000-8000-00000000000" for at in (1, 2, 3))
RED = picture("red")
SHA256 = hashlib.sha256(RED).hexdigest()


def exported(base: str = ONE, **changes: Any) -> Json:  # Any: JSON
    """As an agent writes it; `base` is how the ids begin."""
    about: Json = {"id": f"{base}1", "title": "From an agent", "model": "qwen3", "system": None}
    about |= {"created_at": AT, "updated_at": AT, "active_message_id": f"{base}3"}
    common = {"conversation_id": about["id"], "created_at": AT}
    question: Json = {"id": f"{base}2", "role": "user", "content": "A walrus?", "images": [SHA256]}
    answer: Json = {
        "id": f"{base}3",
        "parent_id": f"{base}2",
        "role": "assistant",
        "content": "Tusks.",
    }
    answer |= {"status": "streaming", "run_id": f"{base}9", "usage": {"prompt_tokens": 3}}
    images = {SHA256: {"mime": "image/png", "base64": base64.b64encode(RED).decode()}}
    return {
        "format": "orca-agents.conversation",
        "version": 1,
        "conversation": about,
        "messages": [{**common, **question}, {**common, **answer}],
        "images": images,
        **changes,
    }


def deep_problem(levels: int) -> Json:
    value: Json = {}
    for _ in range(levels):
        value = {"a": value}
    code = "urn:orca:problem:model-not-found"
    return {"type": code, "title": "Not Found", "status": 404, "detail": "Gone.", "more": value}


async def taken(browser: httpx.AsyncClient, document: Json) -> Json:
    answer = await browser.post("/conversations/import", json=document)
    assert answer.status_code == 200, answer.text
    counts: Json = answer.json()
    return counts


@pytest.mark.slow
async def test_a_file_of_an_agent_is_taken_in_once(hub: Served) -> None:
    bob = await hub.signed_in("bob")
    first, again = await taken(bob, exported()), await taken(bob, exported())
    about = (await bob.get(f"/conversations/{ONE}1")).json()
    messages = (await bob.get(f"/conversations/{ONE}1/messages")).json()["items"]
    shown = await bob.get(f"/images/{messages[0]['images'][0]}")
    more = exported()
    more["messages"].append({**more["messages"][0], "id": f"{ONE}4", "images": []})
    grown = await taken(bob, {"conversations": [more]})
    await bob.delete(f"/conversations/{ONE}1")
    back = await taken(bob, exported())

    assert first == {"created": 1, "updated": 0, "unchanged": 0, "messages_added": 2}
    assert again == {"created": 0, "updated": 0, "unchanged": 1, "messages_added": 0}
    assert grown == {"created": 0, "updated": 1, "unchanged": 0, "messages_added": 1}
    assert back == {"created": 0, "updated": 1, "unchanged": 0, "messages_added": 0}
    assert (about["title"], about["message_count"], about["created_at"]) == ("From an agent", 2, AT)
    assert [(one["role"], one["content"], one["status"]) for one in messages] == [
        ("user", "A walrus?", "complete"),
        ("assistant", "Tusks.", "interrupted"),
    ]
    assert (messages[1]["run_id"], shown.status_code) == (None, 200)
    assert await titles(bob, q="walrus") == ["From an agent"]


@pytest.mark.slow
async def test_what_somebody_else_has_becomes_a_copy_of_ones_own(hub: Served) -> None:
    ada, bob = await hub.signed_in("ada"), await hub.signed_in("bob")
    mine = exported(TWO)
    mine["conversation"]["title"] = "Seahorse"
    await taken(bob, mine)
    document = (await bob.get(f"/conversations/{TWO}1/export")).json()
    first, again = await taken(ada, document), await taken(ada, document)
    copies = [
        (await one.get("/conversations", params={"q": "seahorse"})).json()["items"]
        for one in (ada, bob)
    ]

    assert (first["created"], again["unchanged"]) == (1, 1)
    assert [[one["id"] == f"{TWO}1" for one in some] for some in copies] == [[False], [True]]


@pytest.mark.slow
async def test_what_is_no_export_changes_nothing(hub: Served) -> None:
    ada, bob = await hub.signed_in("ada"), await hub.signed_in("bob")
    theirs = (await opened(ada, title="Of ada"))["id"]
    good = exported(THREE)
    question, answer = good["messages"]
    wrong = [
        {},
        {"conversations": [{}]},
        exported(THREE, format="other"),
        exported(THREE, messages=[answer, question]),
        exported(THREE, messages=[question, question]),
        exported(THREE, messages=[{**question, "conversation_id": theirs}]),
        exported(THREE, images={}),
        exported(THREE, images={SHA256: {"mime": "image/png", "base64": "AAAA"}}),
        exported(THREE, images={SHA256: {"mime": "image/png", "base64": "*"}}),
        exported(THREE, conversation={**good["conversation"], "created_at": "yesterday"}),
        exported(THREE, conversation={**good["conversation"], "account_id": "another"}),
        exported(THREE, messages=[{**question, "content": "a\0b"}]),
        exported(THREE, messages=[{**question, "usage": {"x": "y" * 20_000}}]),
        exported(THREE, messages=[{**question, "problem": deep_problem(levels=500)}]),
    ]
    for at, one in enumerate(wrong):  # under ids that nobody has
        if "conversation" in one:
            one["conversation"] = {**one["conversation"], "title": f"Wrong {at}"}
    answers = [await bob.post("/conversations/import", json=one) for one in wrong]

    assert {one.status_code for one in answers} == {422}
    assert [title for title in await titles(bob) if title.startswith("Wrong")] == []
    assert code(await bob.post("/conversations/import", content=b"{")) == (415, "json-wanted")
