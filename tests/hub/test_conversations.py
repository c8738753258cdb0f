"""Conversations by API: kept, listed, found, shared, deleted and brought back."""

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from agent.shared.clock import random_id
from hub.identity.service import NewAccount
from tests.hub.serving import PASSWORD, Served
from tests.hub.test_people import code

pytestmark = pytest.mark.asyncio(loop_scope="module")
Json = dict[str, Any]  # Any: JSON


async def opened(browser: httpx.AsyncClient, **said: object) -> Json:
    answer = await browser.post("/conversations", json=said)
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()
    return made


async def titles(browser: httpx.AsyncClient, **asked: Any) -> list[str]:  # Any: of a query
    items = (await browser.get("/conversations", params=asked)).json()["items"]
    return [one["title"] for one in items]


async def test_a_conversation_is_kept_changed_and_listed_pinned_first(hub: Served) -> None:
    await hub.hub.local.add(NewAccount("pia", PASSWORD))
    pia = await hub.signed_in("pia")
    first = await opened(pia, title="Stringing", model="qwen3")
    await opened(pia, title="Warping")
    put_away = await opened(pia, title="Old")
    await pia.patch(f"/conversations/{put_away['id']}", json={"archived": True})
    changed = await pia.patch(
        f"/conversations/{first['id']}", json={"title": "Oozing", "pinned": True, "model": None}
    )
    pages, cursor = [], None
    while True:
        query: Mapping[str, Any] = {"limit": 1, **({"cursor": cursor} if cursor else {})}
        page = (await pia.get("/conversations", params=query)).json()
        pages.append([one["title"] for one in page["items"]])
        if not (cursor := page["next_cursor"]):
            break

    body = changed.json()
    assert body == {
        **first,
        "title": "Oozing",
        "pinned": True,
        "model": None,
        "rev": body["rev"],
    }
    assert body["rev"] > first["rev"]
    assert pages == [["Oozing"], ["Warping"]]
    assert await titles(pia, archived=True) == ["Old"]


async def test_an_id_that_the_client_made_is_kept_and_the_same_again_is_the_same(
    hub: Served,
) -> None:
    ada, bob = await hub.signed_in("ada"), await hub.signed_in("bob")
    made = random_id()
    first = await opened(bob, id=made, title="Mine")
    again = await opened(bob, id=made, title="Another")
    foreign = await ada.post("/conversations", json={"id": made})
    wrong = await bob.post("/conversations", json={"id": f"{made[:14]}4{made[15:]}"})

    assert (first["id"], again) == (made, first)
    assert [code(foreign), code(wrong)] == [(409, "id-taken"), (422, "invalid-fields")]


async def test_a_conversation_is_there_for_its_owner_alone_and_no_administrator(
    hub: Served,
) -> None:
    ada, bob = await hub.signed_in("ada"), await hub.signed_in("bob")
    one = (await opened(bob, title="Private zebra"))["id"]
    answers = [
        await ada.get(f"/conversations/{one}"),
        await ada.patch(f"/conversations/{one}", json={"title": "Taken"}),
        await ada.delete(f"/conversations/{one}"),
        await ada.post(f"/conversations/{one}/restore"),
        await ada.get(f"/conversations/{one}/messages"),
        await ada.post(f"/conversations/{one}/messages", json={"content": "Hello"}),
        await ada.get(f"/conversations/{one}/export"),
        await ada.get(f"/conversations/{one}/share"),
        await ada.post(f"/conversations/{one}/share", json={"kind": "person", "subject": one}),
        await ada.get("/conversations/%00"),
        await ada.get("/conversations/' OR 1=1 --"),
    ]

    assert {code(one) for one in answers} == {(404, "no-such-conversation")}
    assert await titles(ada, q="zebra") == []
    assert (await bob.get(f"/conversations/{one}")).json()["title"] == "Private zebra"


async def test_a_deleted_one_is_in_the_bin_and_comes_back(hub: Served) -> None:
    bob = await hub.signed_in("bob")
    one = await opened(bob, title="Gone for now")
    removed = await bob.delete(f"/conversations/{one['id']}")
    missing = await bob.get(f"/conversations/{one['id']}")
    binned = await titles(bob, view="deleted")
    restored = (await bob.post(f"/conversations/{one['id']}/restore")).json()

    assert (removed.status_code, code(missing)) == (204, (404, "no-such-conversation"))
    assert "Gone for now" in binned
    assert restored == {**one, "rev": restored["rev"]}
    assert "Gone for now" not in await titles(bob, view="deleted")


async def test_search_finds_words_in_titles_whatever_signs_are_typed(hub: Served) -> None:
    bob = await hub.signed_in("bob")
    await opened(bob, title="Élégant O'Neill first layer: 0.2 mm")
    found = [
        (await bob.get("/conversations", params={"q": typed})).json()["items"]
        for typed in (
            "neill lay",
            "0.2",
            "layer first",
            "absent",
            "'); DROP TABLE x; --",
            "\0",
            '"',
        )
    ]

    assert [[one["title"] for one in some] for some in found] == [
        *[["Élégant O'Neill first layer: 0.2 mm"]] * 3,
        *[[]] * 4,
    ]
    assert found[2][0]["snippets"] == [
        {
            "message_id": None,
            "text": "Élégant O'Neill \ue000first\ue001 \ue000layer\ue001: 0.2 mm",
        }
    ]


async def test_a_shared_one_is_read_by_whom_it_is_shared_with_and_changed_by_nobody_else(
    hub: Served,
) -> None:
    kim_id = (await hub.hub.local.add(NewAccount("kim", PASSWORD)))["id"]
    bob, kim = await hub.signed_in("bob"), await hub.signed_in("kim")
    one = (await opened(bob, title="For Kim"))["id"]
    mine = (await bob.patch(f"/conversations/{one}", json={"pinned": True})).json()
    path, person = f"/conversations/{one}/share", {"kind": "person"}
    unknown = await bob.post(path, json={**person, "subject": "x"})
    shared = await bob.post(path, json={**person, "subject": kim_id})
    listed = (await bob.get(f"/conversations/{one}/share")).json()["items"]
    seen = (await kim.get(f"/conversations/{one}")).json()
    refused = [
        await kim.patch(f"/conversations/{one}", json={"title": "Mine"}),
        await kim.delete(f"/conversations/{one}"),
        await kim.post(f"/conversations/{one}/messages", json={"content": "Hello"}),
        await kim.get(f"/conversations/{one}/share"),
    ]
    theirs, own = await titles(kim, view="shared"), await titles(kim)
    there = (await kim.get("/conversations", params={"view": "shared"})).json()["items"]
    back = await bob.delete(f"/conversations/{one}/share/person/{kim_id}")
    after = await kim.get(f"/conversations/{one}")

    assert (code(unknown), shared.status_code) == ((404, "no-such-user"), 201)
    assert [(one["kind"], one["name"]) for one in listed] == [("person", "kim")]
    assert (mine["pinned"], mine["is_own"], mine["shared_by"]) == (True, True, None)
    assert there == [seen]
    assert (seen["pinned"], seen["shared_by"]) == (False, "bob")
    assert (seen["title"], seen["is_own"], theirs, own) == ("For Kim", False, ["For Kim"], [])
    assert {code(one) for one in refused} == {(403, "read-only")}
    assert (back.status_code, code(after)) == (204, (404, "no-such-conversation"))


async def test_what_cannot_be_kept_is_refused_by_the_name_of_its_field(hub: Served) -> None:
    bob = await hub.signed_in("bob")
    answers = [
        await bob.post("/conversations", json={"title": "a\0b"}),
        await bob.post("/conversations", json={"title": "x" * 301}),
        await bob.post("/conversations", json={"account_id": "another"}),
        await bob.get("/conversations", params={"limit": 0}),
        await bob.get("/conversations", params={"cursor": "WzEsMl0"}),
    ]

    assert [code(one) for one in answers] == [
        *[(422, "invalid-fields")] * 4,
        (400, "bad-cursor"),
    ]
    assert [one.json()["errors"][0]["field"] for one in answers[:4]] == [
        "title",
        "title",
        "account_id",
        "limit",
    ]
