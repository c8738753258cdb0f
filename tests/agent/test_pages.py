"""The panel's files, the page in their place, and the API's documents."""

import asyncio
import base64
import hashlib
import os
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest
from quart import Response

from agent import guard, pages
from agent.access.service import AccessService
from agent.shared import problems, web
from agent.shared.clock import random_id, system_clock
from agent.shared.database import Database
from agent.shared.webapp import WebApp
from tests.raw import get, send
from tests.serving import Served, running_agent, served_app

INDEX = '<!doctype html><script src="/ui/assets/panel-1a2b.js"></script>'
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


class Markup(HTMLParser):
    """Collects what a content policy would have to allow, and where links lead."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.risks: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        fields = dict(attrs)
        if tag in {"script", "link", "img", "iframe", "form", "object"}:
            self.risks.append(tag)
        self.risks += [name for name in fields if name.startswith("on") or name == "style"]
        self.links.append(fields.get("href") or "")
        self.anchors.add(f"#{fields.get('id')}")


@pytest.fixture
def built(tmp_path: Path) -> Path:
    folder = tmp_path / "ui"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text(INDEX)
    (folder / "icon.svg").write_text("<svg/>")
    (folder / "assets" / "panel-1a2b.js").write_text("'use strict'")
    (folder / "assets" / "panel-1a2b.css").write_text("p{}")
    return folder


@asynccontextmanager
async def showing(folder: Path, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The wall and the pages around a panel of the test's own."""
    app = WebApp("pages")
    database = Database(tmp_path / "agent.db")
    access = AccessService(database, tmp_path, clock=system_clock, new_id=random_id)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        problems.install(app)
        guard.install(app, access, port=port)
        app.register_blueprint(pages.routes(access, port=port, folder=folder))

        @app.get("/api/v1/health/live")
        @web.public
        async def live() -> Response:
            return Response(b"")

        url = f"http://127.0.0.1:{port}"
        async with served_app(app, listener) as server:
            async with httpx.AsyncClient(base_url=url, timeout=30) as client:
                yield client

            async def nothing() -> None: ...

            await server.close(nothing)
    await database.close()


@pytest.fixture
async def browser(built: Path, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with showing(built, tmp_path) as client:
        yield client


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[Served]:
    async with running_agent(tmp_path / "data") as served:
        yield served


async def test_the_panel_is_served_at_every_address_that_is_no_file(
    browser: httpx.AsyncClient,
) -> None:
    paths = ("/ui", "/ui/", "/ui/index.html", "/ui/settings", "/ui/c/0199")

    answers = [await browser.get(path) for path in paths]

    assert [(reply.status_code, reply.text) for reply in answers] == [(200, INDEX)] * len(paths)
    for reply in answers:
        assert reply.headers["content-type"] == "text/html; charset=utf-8"
        assert reply.headers["cache-control"] == "no-cache"
        assert reply.headers["content-security-policy"] == (
            "default-src 'none'; script-src 'self'; style-src 'self'; "
            "img-src 'self' data: blob:; connect-src 'self'; font-src 'self'; "
            "manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        )


async def test_assets_are_kept_for_ever_and_typed_by_us(browser: httpx.AsyncClient) -> None:
    script = await browser.get("/ui/assets/panel-1a2b.js")
    style = await browser.get("/ui/assets/panel-1a2b.css")
    icon = await browser.get("/ui/icon.svg")

    for_ever = "public, max-age=31536000, immutable"
    told = [(r.headers["content-type"], r.headers["cache-control"]) for r in (script, style, icon)]
    assert told == [
        ("text/javascript; charset=utf-8", for_ever),
        ("text/css; charset=utf-8", for_ever),
        ("image/svg+xml", "no-cache"),
    ]
    assert script.text == "'use strict'"


async def test_what_the_browser_has_already_is_not_sent_again(browser: httpx.AsyncClient) -> None:
    first = await browser.get("/ui")

    again = await browser.get("/ui", headers={"If-None-Match": first.headers["etag"]})
    other = await browser.get("/ui", headers={"If-None-Match": '"other"'})
    head = await browser.head("/ui")

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    assert (other.status_code, other.text) == (200, INDEX)
    assert (head.status_code, head.content) == (200, b"")


async def test_no_address_leads_out_of_the_panel(
    browser: httpx.AsyncClient, built: Path, tmp_path: Path
) -> None:
    (tmp_path / "canary.txt").write_text("canary")
    (built / ".env").write_text("canary")
    (built / ".git").mkdir()
    (built / ".git" / "config.txt").write_text("canary")
    (built / "unknown.exe").write_text("canary")
    if os.name == "posix":
        (built / "link.txt").symlink_to(tmp_path / "canary.txt")
        (built / "up").symlink_to(tmp_path)
    os.utime(built / "index.html")
    port = browser.base_url.port or 0
    targets = [
        "/ui/../canary.txt",
        "/ui/%2e%2e/canary.txt",
        "/ui/..%2fcanary.txt",
        "/ui/..%5ccanary.txt",
        "/ui/....//canary.txt",
        "/ui//canary.txt",
        f"/ui/{tmp_path}/canary.txt",
        "/ui/%00canary.txt",
        "/ui/.env",
        "/ui/.git/config.txt",
        "/ui/unknown.exe",
        "/ui/link.txt",
        "/ui/up/canary.txt",
        "/ui/assets/../../token.txt",
        "/ui/con.js",
    ]

    answers = [await send(port, get(target, f"Host: 127.0.0.1:{port}")) for target in targets]

    statuses = {t: a.status for t, a in zip(targets, answers, strict=True)}
    assert {t: s for t, s in statuses.items() if s not in {401, 404}} == {}
    assert [t for t, a in zip(targets, answers, strict=True) if b"canary" in a.body] == []
    assert (await browser.get("/ui")).text == INDEX


async def test_without_a_panel_a_page_says_how_to_get_it(tmp_path: Path, built: Path) -> None:
    folder = tmp_path / "later"
    async with showing(folder, tmp_path) as client:
        missing = await client.get("/ui")
        file = await client.get("/ui/assets/panel-1a2b.js")
        await asyncio.to_thread(built.rename, folder)
        there = await client.get("/ui")

    markup = Markup(missing.text)
    assert missing.status_code == 200
    assert "Node.js 20" in missing.text
    assert "make setup" in missing.text
    for words in ("chat", "url"):
        assert f"<code>.venv/bin/orca-agent {words}</code>" in missing.text
    assert "prefers-color-scheme: dark" in missing.text
    assert (markup.risks, missing.headers["cache-control"]) == ([], "no-store")
    assert file.status_code == 404
    assert there.text == INDEX


async def test_the_style_of_plain_pages_is_the_one_that_their_policy_allows(
    agent: Served,
) -> None:
    for reply in (
        await agent.stranger.get("/ui/ticket/old"),
        await agent.client.get("/docs"),
        await agent.stranger.get("/docs", headers=BROWSER),
    ):
        [style] = re.findall(r"<style>(.*?)</style>", reply.text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
        assert f"style-src 'sha256-{digest}'" in reply.headers["content-security-policy"]
        assert "'unsafe" not in reply.headers["content-security-policy"]


async def test_the_root_leads_to_the_panel_and_tells_strangers_the_way(agent: Served) -> None:
    known = await agent.client.get("/")
    stranger = await agent.stranger.get("/", headers=BROWSER)
    program = await agent.stranger.get("/")

    assert (known.status_code, known.headers["location"]) == (303, "/ui")
    assert stranger.status_code == 401
    assert stranger.headers["content-type"] == "text/html; charset=utf-8"
    assert "/ui" in Markup(stranger.text).links
    assert "orca-agent url" in stranger.text
    assert 'content="0; url=/ui"' in stranger.text
    assert (program.status_code, program.headers["content-type"]) == (
        401,
        "application/problem+json",
    )


async def test_a_mistyped_address_gives_people_a_way_home_and_programs_a_problem(
    agent: Served,
) -> None:
    person = await agent.client.get("/pannel", headers=BROWSER)
    program = await agent.client.get("/pannel")
    stranger = await agent.stranger.get("/pannel", headers=BROWSER)

    assert (person.status_code, person.headers["content-type"]) == (
        404,
        "text/html; charset=utf-8",
    )
    assert {"/ui", "/docs"} <= set(Markup(person.text).links)
    assert person.headers["x-content-type-options"] == "nosniff"
    assert (program.status_code, program.headers["content-type"]) == (
        404,
        "application/problem+json",
    )
    assert stranger.status_code == 401
    assert "refresh" not in stranger.text


async def test_the_document_says_who_may_call_what_and_how_errors_look(agent: Served) -> None:
    described = (await agent.client.get("/openapi.json")).json()

    create = described["paths"]["/api/v1/tokens"]["post"]
    assert described["openapi"] == "3.1.0"
    assert described["components"]["securitySchemes"] == {
        "bearer": {"type": "http", "scheme": "bearer"},
        "session": {
            "type": "apiKey",
            "in": "cookie",
            "name": f"orca_agent_{agent.settings.port}",
        },
        "api_key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
    }
    assert create["operationId"] == "access_create_token"
    assert create["tags"] == ["access"]
    assert create["security"] == [{"bearer": ["admin"]}, {"session": ["admin"]}]
    assert create["requestBody"] == {
        "required": True,
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/TokenIn"}}},
    }
    assert create["responses"]["default"]["content"] == {
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
    }
    assert described["paths"]["/api/v1/pairing"]["post"]["security"] == []
    assert described["paths"]["/api/v1/session"]["get"]["security"] == [
        {"bearer": []},
        {"session": []},
    ]
    assert described["paths"]["/ui/ticket/{ticket}"]["get"]["responses"]["410"]["content"] == {
        "text/html": {"schema": {"type": "string"}}
    }


def _references(value: object) -> set[str]:
    if isinstance(value, dict):
        own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set[str]()
        return own.union(*map(_references, value.values()))
    return set[str]().union(*map(_references, value)) if isinstance(value, list) else set()


async def test_every_shape_that_is_named_in_the_document_is_in_it(agent: Served) -> None:
    described = (await agent.client.get("/openapi.json")).json()

    known = {f"#/components/schemas/{name}" for name in described["components"]["schemas"]}
    assert _references(described) - known == set()


async def test_the_readable_documents_hold_every_route_and_nothing_that_runs(
    agent: Served,
) -> None:
    described = (await agent.client.get("/openapi.json")).json()

    page = await agent.client.get("/docs")

    markup = Markup(page.text)
    wanted = {
        f"{method.upper()} {path}"
        for path, methods in described["paths"].items()
        for method in methods
    }
    shown = {
        re.sub("&[^;]+;", "", text) for text in re.findall(r"<h3><code>(.*?)</code>", page.text)
    }
    links = [link for link in markup.links if link]
    assert wanted - shown == set()
    assert markup.risks == []
    assert [link for link in links if link.startswith("#") and link not in markup.anchors] == []
    assert {link for link in links if not link.startswith("#")} == {"/openapi.json"}
    assert "prefers-color-scheme: dark" in page.text
