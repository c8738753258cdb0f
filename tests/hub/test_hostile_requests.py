"""Bodies, names and headers that want more than they may."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from agent.shared.errors import Invalid
from agent.shared.web import read
from hub.identity.service import NewAccount
from tests.hub.serving import PASSWORD, Served
from tests.hub.test_artefacts import kept
from tests.hub.test_sentences import asked
from tests.hub.walking import walk
from tests.serving import http

pytestmark = [pytest.mark.slow, pytest.mark.asyncio(loop_scope="module")]
CALM = range(200, 500)
BODIES = {
    "broken": b'{"name": ',
    "a list": b"[]",
    "deep": b"[" * 100_000,
    "half a letter": b'{"name": "\\ud800"}',
    "no text": b'{"name": "a\\u0000b"}',
    "a huge number": b'{"limit": 1e999, "requests": 99999999999999999999999}',
    "not UTF-8": b'{"name": "\xff\xfe"}',
}
# They would sign the test out, or wait for a model.
LEFT_OUT = ("/api/v1/auth/logout", "/api/v1/auth/oidc/logout", "/api/v1/backup")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def token(hub: Served) -> AsyncIterator[str]:
    """Of an Administrator's program."""
    async with http(base_url=f"{hub.url}/api/v1") as program:
        asked = {"username": "ada", "password": PASSWORD}
        yield (await program.post("/auth/login", json=asked)).json()["access_token"]


async def test_a_session_that_somebody_else_chose_is_not_the_one_that_begins(hub: Served) -> None:
    bob = await hub.signed_in("bob")
    planted = bob.cookies["orca-hub"]
    async with hub.browser() as victim:
        victim.cookies.set("orca-hub", "chosen-by-somebody-else")
        strange = await sign_in(victim, "ada")
    async with hub.browser() as victim:
        victim.cookies.set("orca-hub", planted)
        known = await sign_in(victim, "ada")
    still = (await bob.get("/users/me")).json()["name"]

    assert len({"chosen-by-somebody-else", planted, strange, known}) == 4
    assert still == "bob"


async def sign_in(browser: httpx.AsyncClient, name: str) -> str:
    """The cookie that came of it."""
    answer = await browser.post("/auth/login", json={"username": name, "password": PASSWORD})
    assert answer.status_code == 204, answer.text
    return answer.cookies["orca-hub"]


async def test_no_route_takes_a_field_that_it_does_not_know() -> None:
    taken = []
    for kind in asked():
        try:
            read(kind, {"is_break_glass_by_guess": True})
        except Invalid as err:
            told = err.extra["errors"]
            if isinstance(told, list) and any("guess" in one["field"] for one in told):
                continue
        taken.append(kind.__name__)

    assert taken == []


@pytest.mark.parametrize("extra", ["id", "is_break_glass", "must_change", "role_from", "groups"])
async def test_an_account_is_made_of_what_may_be_said_of_it_alone(
    hub: Served, token: str, extra: str
) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    body = {"name": "mal", "password": PASSWORD, extra: True}
    async with http(base_url=f"{hub.url}/api/v1", headers=headers) as ada:
        made = await ada.post("/users", json=body)
        found = (await ada.get("/users", params={"q": "mal"})).json()["items"]

    assert (made.status_code, found) == (422, [])


async def test_no_body_is_too_odd_for_any_route(hub: Served, token: str) -> None:
    wrong = {}
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    async with httpx.AsyncClient(base_url=hub.url, headers=headers, timeout=30) as ada:
        for step in walk(hub.hub.app):
            if step.method in ("GET", "DELETE") or step.route in LEFT_OUT:
                continue
            for name, body in BODIES.items():
                answer = await ada.request(step.method, step.path, content=body)
                if answer.status_code not in CALM:
                    wrong[f"{step}: {name}"] = (answer.status_code, answer.text[:200])

    assert wrong == {}


async def test_a_body_that_is_too_large_is_refused_before_it_is_read(
    hub: Served, token: str
) -> None:
    answers = set()
    for path in ("/auth/login", "/users", "/conversations", "/artefacts", "/ai/chat"):
        reading, writing = await asyncio.open_connection("127.0.0.1", hub.settings.port)
        head = (
            f"POST /api/v1{path} HTTP/1.1",
            f"Host: 127.0.0.1:{hub.settings.port}",
            f"Authorization: Bearer {token}",
            "Content-Type: application/json",
            f"Content-Length: {1 << 40}",
        )
        writing.write("\r\n".join([*head, "", ""]).encode())
        async with asyncio.timeout(20):
            answers.add((await reading.readline()).split()[1])
        writing.close()

    assert answers == {b"413"}


@pytest.mark.parametrize("words", ["' OR '1'='1", "') UNION SELECT 1 --", "%'; DROP TABLE account"])
async def test_what_is_looked_for_is_never_a_command_of_the_database(
    hub: Served, token: str, words: str
) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    paths = ("/users", "/groups", "/conversations", "/artefacts", "/audit", "/runs", "/keys")
    async with http(base_url=f"{hub.url}/api/v1", headers=headers) as ada:
        await ada.post("/conversations", json={"title": "one that must not be found"})
        lists = {}
        for path in paths:
            for name in ("q", "cursor", "action", "actor"):
                answer = await ada.get(path, params={name: words})
                lists[f"{path} {name}"] = answer
        login = await ada.post("/auth/login", json={"username": words, "password": words})
        people = (await ada.get("/users")).json()["items"]

    assert {one.status_code for one in lists.values()} <= {200, 400, 404, 422}
    assert lists["/users q"].json()["items"] == lists["/conversations q"].json()["items"] == []
    assert (login.status_code, len(people) >= 2) == (401, True)


async def test_names_do_not_become_headers(hub: Served) -> None:
    evil = 'a"\r\nSet-Cookie: evil=1\r\n\r\n<script>'
    await hub.hub.local.add(NewAccount("ivy", PASSWORD))
    ivy = await hub.signed_in("ivy")
    made = await ivy.post("/conversations", json={"title": evil})
    answers = [
        await ivy.get("/users/me", headers={"X-Request-ID": "x y; evil"}),
        await ivy.post("/artefacts", json={"path": evil, "content": "x"}),
        await ivy.post("/artefacts", json={"path": 'we"ird.py', "content": "x"}),
    ]
    if made.status_code == 201:
        answers.append(await ivy.get(f"/conversations/{made.json()['id']}/export"))
    artefact = await kept(ivy, "we;ird=name\u00e4.py", "x = 1\n", title=evil.replace("\r\n", " "))
    answers += [
        await ivy.get(f"/artefacts/{artefact['id']}/download"),
        await ivy.get(f"/artefact-sets/{artefact['set_id']}/download"),
        await ivy.get("/auth/okta/login", params={"next": "/\r\nSet-Cookie: evil=1"}),
    ]

    assert all(one.status_code < 500 for one in answers)
    assert not any("Set-Cookie" in one.headers for one in answers)
    assert not any("<" in value for one in answers for value in one.headers.values())
