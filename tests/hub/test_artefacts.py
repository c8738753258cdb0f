"""Artefacts by API: kept in versions, compared, checked, downloaded, and nobody else's."""

import io
import zipfile
from typing import Any

import httpx
import pytest

from hub.artefacts.checking import Checker
from tests.hub.serving import Served
from tests.hub.test_people import code

pytestmark = pytest.mark.asyncio(loop_scope="module")
Json = dict[str, Any]  # Any: JSON


async def kept(browser: httpx.AsyncClient, path: str, content: str, **more: object) -> Json:
    answer = await browser.post("/artefacts", json={"path": path, "content": content, **more})
    assert answer.status_code == 201, answer.text
    made: Json = answer.json()
    return made


async def test_a_file_has_versions_that_are_compared_and_checked(hub: Served) -> None:
    bob = await hub.signed_in("bob")
    first = await kept(bob, "tools\\flow.py", "a = 1\nb = 2\n", title="Flow")
    address = f"/artefacts/{first['id']}"
    second = (await bob.post(f"{address}/versions", json={"content": "a = 1\nb = (\n"})).json()
    same = (await bob.post(f"{address}/versions", json={"content": "a = 1\nb = (\n"})).json()
    third = await kept(bob, "TOOLS/flow.py", "a = 3\n", set_id=first["set_id"])
    listed = (await bob.get(f"{address}/versions")).json()["items"]
    differs = (await bob.get(f"{address}/diff", params={"from": 1, "to": 2})).json()
    old = (await bob.get(address, params={"version": 1})).json()

    assert (first["path"], first["language"], first["version"]) == ("tools/flow.py", "python", 1)
    assert (second["version"], same, third["id"]) == (2, second, first["id"])
    assert [
        (one["number"], one["made_by"], one["check_state"], one["size_bytes"]) for one in listed
    ] == [
        (3, "person", "fine", 6),
        (2, "person", "wrong", 12),
        (1, "person", "fine", 12),
    ]
    assert listed[1]["check_findings"] == [{"line": 2, "text": "'(' was never closed."}]
    assert differs == {
        "path": "tools/flow.py",
        "from_version": 1,
        "to_version": 2,
        "text": "--- tools/flow.py (version 1)\n+++ tools/flow.py (version 2)\n"
        "@@ -1,2 +1,2 @@\n a = 1\n-b = 2\n+b = (\n",
        "added": 1,
        "removed": 1,
        "is_coarse": False,
    }
    assert old["latest"]["content"] == "a = 1\nb = 2\n"


async def test_downloads_are_saved_and_never_shown(hub: Served) -> None:
    bob = await hub.signed_in("bob")
    page = await kept(bob, "pages/größe.html", "<script>alert(1)</script>", title='A/b: "c"')
    await kept(bob, "pages/more.txt", "more", set_id=page["set_id"])
    one = await bob.get(f"/artefacts/{page['id']}/download")
    all_of_them = await bob.get(f"/artefact-sets/{page['set_id']}/download")

    assert (one.content, one.headers["Content-Type"], one.headers["X-Content-Type-Options"]) == (
        b"<script>alert(1)</script>",
        "application/octet-stream",
        "nosniff",
    )
    assert one.headers["Content-Disposition"] == (
        "attachment; filename=\"gr__e.html\"; filename*=UTF-8''gr%C3%B6%C3%9Fe.html"
    )
    assert all_of_them.headers["Content-Disposition"] == (
        "attachment; filename=\"A-b-c.zip\"; filename*=UTF-8''A-b-c.zip"
    )
    with zipfile.ZipFile(io.BytesIO(all_of_them.content)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {
            "pages/größe.html": b"<script>alert(1)</script>",
            "pages/more.txt": b"more",
        }


@pytest.mark.slow
async def test_files_are_listed_by_set_and_path_and_go_with_the_last_of_them(
    hub: Served,
) -> None:
    ada = await hub.signed_in("ada")
    first = await kept(ada, "one.json", "{}", title="Set one")
    other = await kept(ada, "two.json", "{", title="Set two")
    await kept(ada, "three.txt", "3", set_id=other["set_id"])

    async def paths(**asked: str) -> list[str]:
        items = (await ada.get("/artefacts", params=asked)).json()["items"]
        return [one["path"] for one in items]

    by_set, by_path = await paths(set_id=other["set_id"]), await paths(q="ONE")
    page = (await ada.get("/artefacts", params={"limit": 2})).json()
    rest = (await ada.get("/artefacts", params={"cursor": page["next_cursor"]})).json()
    sets = (await ada.get("/artefact-sets")).json()["items"]
    removed = [
        await ada.delete(f"/artefacts/{first['id']}"),
        await ada.delete(f"/artefact-sets/{other['set_id']}"),
    ]

    assert (by_set, by_path) == (["three.txt", "two.json"], ["one.json"])
    assert [one["path"] for one in [*page["items"], *rest["items"]]] == [
        "three.txt",
        "two.json",
        "one.json",
    ]
    assert [(one["title"], one["files"]) for one in sets] == [("Set two", 2), ("Set one", 1)]
    assert [one.status_code for one in removed] == [204, 204]
    assert (await paths(), (await ada.get("/artefact-sets")).json()["items"]) == ([], [])


async def test_files_are_there_for_their_owner_alone(hub: Served) -> None:
    ada, bob = await hub.signed_in("ada"), await hub.signed_in("bob")
    mine = await kept(bob, "secret.txt", "secret")
    one, some = f"/artefacts/{mine['id']}", f"/artefact-sets/{mine['set_id']}"
    answers = [
        await ada.get(one),
        await ada.delete(one),
        await ada.get(f"{one}/versions"),
        await ada.post(f"{one}/versions", json={"content": "x"}),
        await ada.get(f"{one}/diff"),
        await ada.get(f"{one}/download"),
        await ada.get("/artefacts/%00"),
        await ada.get(f"{some}/download"),
        await ada.delete(some),
        await ada.post(
            "/artefacts", json={"path": "x.py", "content": "x", "set_id": mine["set_id"]}
        ),
    ]

    assert [code(one) for one in answers] == [
        *[(404, "no-such-artefact")] * 7,
        *[(404, "no-such-set")] * 3,
    ]
    assert (await ada.get("/artefacts", params={"set_id": mine["set_id"]})).json()["items"] == []


async def test_what_cannot_be_kept_is_refused(hub: Served) -> None:
    bob = await hub.signed_in("bob")
    mine = await kept(bob, "a/b.txt", "x")
    sent = [
        {"path": "../b.txt", "content": "x"},
        {"path": "a", "content": "x", "set_id": mine["set_id"]},
        {"path": "c.txt", "content": "ü" * (1 << 20)},
        {"path": "c.txt", "content": "\0"},
        {"path": "c.txt", "content": "x", "account_id": "another"},
    ]
    answers = [await bob.post("/artefacts", json=one) for one in sent]
    version = await bob.get(f"/artefacts/{mine['id']}", params={"version": 7})

    assert [code(one) for one in (*answers, version)] == [
        (422, "bad-path"),
        (409, "path-clash"),
        (413, "file-too-large"),
        (422, "invalid-fields"),
        (422, "invalid-fields"),
        (404, "no-such-version"),
    ]


async def test_files_that_would_hurt_a_parser_hurt_nothing_else() -> None:
    files = [
        ("python", "def f():\n  return 1\n"),
        ("python", "(" * 50_000),
        ("json", "[" * 200_000),
        ("toml", "a = \n"),
        ("yaml", "a: [1\nb: 2"),
        ("yaml", "a: &a [x, x]\nb: [*a, *a]\nc: !!python/object/apply:os.system [ls]\n"),
        ("gcode", "{if x}\n"),
        ("klipper", "[gcode_macro A]\ngcode:\n  {% if x %}\n"),
        ("cobol", "MOVE"),
    ]
    checked = [one.findings for one in await Checker(seconds=30).check(files)]

    assert [found and found[0]["text"] for found in checked] == [
        [],
        "too many nested parentheses.",
        "It is nested more deeply than can be checked.",
        "Invalid value.",
        "expected ',' or ']', but got ':'.",
        [],
        "{if} is never closed by {endif}.",
        "{% if %} is never closed.",
        None,
    ]


@pytest.mark.slow
async def test_what_is_said_of_a_file_is_short_whatever_is_in_it() -> None:
    word = "é" * 400_000
    checked = await Checker(seconds=30).check([("gcode", f"{{% {word} %}}"), ("json", "[1]")])

    assert checked[0].findings == [{"line": 1, "text": f"{{% {'é' * 296}…"}]
    assert checked[1].findings == []


@pytest.mark.slow
async def test_a_check_that_takes_too_long_is_ended_and_the_rest_left_alone() -> None:
    checked = await Checker(seconds=0.7).check([("yaml", "{" * 900_000), ("json", "[1]")])

    assert [one.findings for one in checked] == [
        [{"line": 1, "text": "It takes longer to check than it may."}],
        None,
    ]
