"""The localhost wall, from outside: who gets in, by which name, from which page."""

import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from agent.settings import Settings
from tests.raw import RawAnswer, get, send
from tests.serving import Served, running_agent

SESSION = "/api/v1/session"
LIVE = "/api/v1/health/live"
TICKETS = "/api/v1/tickets"
# The test's own client, and what the program's log leaves out (agent.shared.logs.CHATTY).
NOT_OURS = ("httpx", "httpcore", "aiosqlite")
NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[Served]:
    async with running_agent(tmp_path / "data") as served:
        yield served


def code(reply: httpx.Response) -> tuple[int, str]:
    """The status, and what a problem document says happened."""
    is_problem = reply.headers.get("content-type") == "application/problem+json"
    what = reply.json()["type"] if is_problem else ""
    return reply.status_code, what.removeprefix("urn:orca:problem:")


async def signed_in(agent: Served) -> httpx.Cookies:
    link = (await agent.client.post(TICKETS)).json()["url"]
    return httpx.Cookies((await agent.stranger.get(link)).cookies)


def page_client(agent: Served, cookies: httpx.Cookies) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=agent.url, cookies=cookies, timeout=30)


def test_there_is_no_setting_for_another_address_than_loopback() -> None:
    assert {"host", "bind", "address", "listen"} & set(Settings.model_fields) == set()


async def test_only_the_two_names_of_loopback_with_our_port_are_let_in(agent: Served) -> None:
    port = agent.settings.port
    names = {
        f"127.0.0.1:{port}": (200, ""),
        f"localhost:{port}": (200, ""),
        f"LocalHost:{port}": (200, ""),
        "": (400, "host-missing"),
        "127.0.0.1": (403, "foreign-host"),
        "localhost": (403, "foreign-host"),
        f"127.0.0.1:{port + 1}": (403, "foreign-host"),
        f"127.0.0.1:0{port}": (403, "foreign-host"),
        f"127.0.0.1:{port}.": (403, "foreign-host"),
        f"0.0.0.0:{port}": (403, "foreign-host"),
        f"localhost.:{port}": (403, "foreign-host"),
        f"127.0.0.1.:{port}": (403, "foreign-host"),
        f"user@127.0.0.1:{port}": (403, "foreign-host"),
        f"127.0.0.1:{port}@evil.example": (403, "foreign-host"),
        f"[::1]:{port}": (403, "foreign-host"),
        f"[::ffff:127.0.0.1]:{port}": (403, "foreign-host"),
        f"2130706433:{port}": (403, "foreign-host"),
        f"0x7f000001:{port}": (403, "foreign-host"),
        f"0177.0.0.1:{port}": (403, "foreign-host"),
        f"127.1:{port}": (403, "foreign-host"),
        f"127.0.0.2:{port}": (403, "foreign-host"),
        f"evil.example:{port}": (403, "foreign-host"),
        f"127.0.0.1.evil.example:{port}": (403, "foreign-host"),
        f"app.localhost:{port}": (403, "foreign-host"),
        f"{'a' * 70}:{port}": (403, "foreign-host"),
        f"\xe9vil:{port}": (403, "foreign-host"),
        f"localhost:{port}, evil.example": (403, "foreign-host"),
    }

    answers = {name: await send(port, get(LIVE, f"Host: {name}")) for name in names}

    assert {name: (answer.status, answer.code) for name, answer in answers.items()} == names


async def test_several_hosts_or_none_are_refused(agent: Served) -> None:
    port = agent.settings.port
    ours = f"Host: 127.0.0.1:{port}"

    two = await send(port, get(LIVE, ours, "Host: evil.example"))
    none = await send(port, get(LIVE))
    old = await send(port, get(LIVE, version="1.0"))
    forwarded = await send(port, get(LIVE, "Host: evil.example", f"X-Forwarded-{ours}"))
    misled = await send(port, get(LIVE, ours, "X-Forwarded-Host: evil.example"))

    assert (two.status, none.status) == (400, 400)
    assert (old.status, old.code) == (400, "host-missing")
    assert (forwarded.status, forwarded.code) == (403, "foreign-host")
    assert misled.status == 200


async def test_a_target_that_is_no_path_is_refused(agent: Served) -> None:
    port = agent.settings.port
    targets = ("http://evil.example/ui", "*", "?a=b", "http://")

    answers = [await send(port, get(target, f"Host: localhost:{port}")) for target in targets]

    assert [(a.status, a.code) for a in answers] == [(400, "bad-target")] * len(targets)


async def test_the_host_is_checked_before_anything_else(agent: Served) -> None:
    port, bearer = agent.settings.port, f"Authorization: Bearer {agent.token}"

    answers = [
        await send(port, get(path, "Host: evil.example", bearer, method=method))
        for method, path in (("GET", "/nope"), ("GET", SESSION), ("OPTIONS", "/ui"), ("PUT", "/"))
    ]

    assert [answer.code for answer in answers] == ["foreign-host"] * 4
    assert all("evil.example" not in answer.body.decode() for answer in answers)


async def _socket(agent: Served, *lines: str) -> RawAnswer:
    upgrade = (
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    )
    return await send(agent.settings.port, get("/api/v1/socket", *upgrade, *lines))


async def test_a_websocket_passes_the_same_wall(agent: Served) -> None:
    port = agent.settings.port
    ours, bearer = f"Host: 127.0.0.1:{port}", f"Authorization: Bearer {agent.token}"

    foreign_host = await _socket(agent, f"Host: evil.example:{port}", bearer)
    foreign_origin = await _socket(agent, ours, bearer, "Origin: http://evil.example")
    stranger = await _socket(agent, ours, f"Origin: http://127.0.0.1:{port}")
    unknown = await _socket(agent, ours, bearer)

    statuses = [one.status for one in (foreign_host, foreign_origin, stranger, unknown)]
    assert statuses == [403, 403, 401, 404]


async def test_only_our_own_origin_may_ask(agent: Served) -> None:
    port = agent.settings.port
    origins = {
        f"http://127.0.0.1:{port}": (200, ""),
        f"http://localhost:{port}": (200, ""),
        "null": (403, "foreign-origin"),
        "": (403, "foreign-origin"),
        "file://": (403, "foreign-origin"),
        "http://evil.example": (403, "foreign-origin"),
        f"https://127.0.0.1:{port}": (403, "foreign-origin"),
        f"http://127.0.0.1:{port + 1}": (403, "foreign-origin"),
        f"http://127.0.0.1:{port}.evil.example": (403, "foreign-origin"),
        f"http://0.0.0.0:{port}": (403, "foreign-origin"),
    }

    answers = {
        origin: code(await agent.client.get(SESSION, headers={"Origin": origin}))
        for origin in origins
    }

    assert answers == origins


async def test_preflights_are_refused_and_nothing_is_ever_granted(agent: Served) -> None:
    asks = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x"}
    own = {"Origin": agent.url, **asks}
    foreign = {
        "Origin": "https://evil.example",
        "Access-Control-Request-Private-Network": "true",
        **asks,
    }

    answers = [
        await agent.stranger.options("/api/v1/pairing", headers=own),
        await agent.client.options(SESSION, headers=foreign),
        await agent.client.options(SESSION, headers=own),
        await agent.stranger.options("/ui"),
        await agent.client.get(SESSION, headers={"Origin": agent.url}),
    ]

    assert [code(answer) for answer in answers] == [
        (403, "no-preflight"),
        (403, "foreign-origin"),
        (403, "no-preflight"),
        (401, "unauthenticated"),
        (200, ""),
    ]
    granted = [name for answer in answers for name in answer.headers if "access-control" in name]
    assert granted == []


async def test_pages_of_other_sites_and_ports_are_refused_even_with_a_token(agent: Served) -> None:
    sites = {
        "same-origin": (200, ""),
        "none": (200, ""),
        "same-site": (403, "foreign-page"),
        "cross-site": (403, "foreign-page"),
        "something-new": (403, "foreign-page"),
    }

    answers = {
        site: code(await agent.client.get(SESSION, headers={"Sec-Fetch-Site": site}))
        for site in sites
    }

    assert answers == sites


async def test_a_link_elsewhere_may_lead_to_the_panel_and_nowhere_else(agent: Served) -> None:
    link = {"Sec-Fetch-Site": "cross-site", **NAVIGATION}
    frame = {**link, "Sec-Fetch-Dest": "iframe"}
    script = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}
    ticket = (await agent.client.post(TICKETS)).json()["url"]

    assert code(await agent.stranger.get("/ui", headers=link)) == (200, "")
    assert code(await agent.stranger.get("/ui/settings", headers=link)) == (200, "")
    assert code(await agent.stranger.get("/ui", headers=frame)) == (403, "foreign-page")
    assert code(await agent.stranger.get("/ui", headers=script)) == (403, "foreign-page")
    assert code(await agent.stranger.post("/ui", headers=link)) == (403, "foreign-page")
    assert code(await agent.stranger.get("/uix", headers=link)) == (403, "foreign-page")
    assert code(await agent.client.get("/docs", headers=link)) == (403, "foreign-page")
    assert code(await agent.client.get(LIVE, headers=link)) == (403, "foreign-page")
    assert (await agent.stranger.get(ticket, headers=link)).status_code == 303


async def test_a_form_of_another_page_cannot_use_the_session(agent: Served) -> None:
    cookies = await signed_in(agent)
    simple = {"Content-Type": "text/plain"}
    proofs = {
        "nothing": ({}, (403, "not-from-our-page")),
        "another site": ({"Sec-Fetch-Site": "cross-site"}, (403, "foreign-page")),
        "another port": ({"Sec-Fetch-Site": "same-site"}, (403, "foreign-page")),
        "a sandbox": ({"Origin": "null"}, (403, "foreign-origin")),
        "our page": ({"Sec-Fetch-Site": "same-origin"}, (201, "")),
        "our page in an old browser": ({"Origin": agent.url}, (201, "")),
        "the address bar": ({"Sec-Fetch-Site": "none"}, (201, "")),
    }

    async with page_client(agent, cookies) as page:
        answers = {
            name: code(await page.post(TICKETS, headers={**simple, **headers}))
            for name, (headers, _) in proofs.items()
        }

    assert answers == {name: wanted for name, (_, wanted) in proofs.items()}


async def test_a_body_that_is_not_declared_as_json_is_not_read(agent: Served) -> None:
    body = b'{"name": "x", "scopes": ["admin"]}'
    headers = {"Content-Type": "text/plain"}

    created = await agent.client.post("/api/v1/tokens", content=body, headers=headers)
    paired = await agent.stranger.post("/api/v1/pairing", content=body, headers=headers)

    assert (code(created), code(paired)) == ((415, "json-wanted"), (415, "json-wanted"))


async def test_a_wrong_or_misplaced_token_is_refused(agent: Served) -> None:
    token = agent.token
    tries = {
        "none": {},
        "empty": {"Authorization": ""},
        "bearer of nothing": {"Authorization": "Bearer"},
        "cut": {"Authorization": f"Bearer {token[:-1]}"},
        "other case": {"Authorization": f"Bearer {token.swapcase()}"},
        "basic": {"Authorization": f"Basic {token}"},
        "bare": {"Authorization": token},
        "cookie": {"Cookie": f"orca_agent_{agent.settings.port}={token}"},
        "long": {"Authorization": f"Bearer {token}{'x' * 5000}"},
    }

    answers = {
        name: code(await agent.stranger.get(SESSION, headers=headers))
        for name, headers in tries.items()
    }
    asked = await agent.stranger.get(SESSION, params={"token": token, "access_token": token})

    assert answers == dict.fromkeys(tries, (401, "unauthenticated"))
    assert code(asked) == (401, "unauthenticated")
    assert asked.headers["www-authenticate"] == 'Bearer realm="orca-agent"'
    assert (await agent.client.get(SESSION)).status_code == 200


async def test_a_wrong_token_is_not_helped_by_a_session(agent: Served) -> None:
    async with page_client(agent, await signed_in(agent)) as page:
        reply = await page.get(SESSION, headers={"Authorization": "Bearer wrong"})

    assert code(reply) == (401, "unauthenticated")


async def test_strangers_learn_nothing_about_which_addresses_exist(agent: Served) -> None:
    paths = ("/", "/nope", "/api/v1/tokens", "/api/v1/nope", "/static/x", "/.env", "//ui")

    answers = {path: code(await agent.stranger.get(path)) for path in paths}

    assert answers == dict.fromkeys(paths, (401, "unauthenticated"))
    assert code(await agent.client.get("/nope")) == (404, "no-such-route")


async def test_ready_tells_strangers_the_status_alone(agent: Served) -> None:
    bare = await agent.stranger.get("/api/v1/health/ready")
    wrong = await agent.stranger.get(
        "/api/v1/health/ready", headers={"Authorization": "Bearer wrong"}
    )
    known = await agent.client.get("/api/v1/health/ready")

    assert bare.json() == wrong.json() == {"status": "degraded"}
    assert "version" in known.json()


async def test_a_missing_scope_is_named(agent: Served) -> None:
    made = await agent.client.post("/api/v1/tokens", json={"name": "chat", "scopes": ["chat"]})
    headers = {"Authorization": f"Bearer {made.json()['token']}"}

    refused = await agent.stranger.get("/api/v1/tokens", headers=headers)
    allowed = await agent.stranger.get("/api/v1/conversations", headers=headers)
    unmarked = await agent.stranger.get("/nope", headers=headers)

    problem = refused.json()
    request_id = problem.pop("request_id")
    assert problem == {
        "type": "urn:orca:problem:scope-missing",
        "title": "Forbidden",
        "status": 403,
        "detail": "This needs a token with the scope admin.",
        "scope": "admin",
    }
    assert request_id == refused.headers["x-request-id"]
    assert allowed.status_code == 200
    assert code(unmarked) == (403, "scope-missing")


async def test_too_many_wrong_tokens_are_slowed_and_the_right_one_is_not(agent: Served) -> None:
    wrong = {"Authorization": "Bearer wrong"}

    answers = [await agent.stranger.get(SESSION, headers=wrong) for _ in range(21)]

    assert [code(answer) for answer in answers[:20]] == [(401, "unauthenticated")] * 20
    last = answers[20]
    assert code(last) == (429, "too-many-failures")
    assert 1 <= int(last.headers["retry-after"]) <= 3
    assert (await agent.client.get(SESSION)).status_code == 200
    assert code(await agent.stranger.get(SESSION)) == (401, "unauthenticated")


async def test_every_answer_is_sealed(agent: Served) -> None:
    paths = (LIVE, "/nope", "/ui", "/ui/nope.js", "/docs", "/openapi.json", "/ui/ticket/old")

    answers = [await agent.client.get(path) for path in paths]
    answers.append(await agent.stranger.get(SESSION))
    answers.append(await agent.stranger.get(LIVE, headers={"Host": "evil.example"}))
    answers.append(await agent.client.post("/api/v1/tokens", content=b"{"))

    for answer in answers:
        headers = answer.headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["content-security-policy"].startswith("default-src 'none'")
        assert "server" not in headers
    assert answers[0].headers["cache-control"] == "no-store"
    assert (
        answers[0].headers["content-security-policy"]
        == "default-src 'none'; frame-ancestors 'none'"
    )


async def test_a_request_id_is_taken_over_if_it_is_plain(agent: Served) -> None:
    plain = await agent.client.get("/nope", headers={"X-Request-ID": "abc-1.2_Z"})
    odd = [
        await agent.client.get("/nope", headers={"X-Request-ID": text})
        for text in ("x" * 65, "a b", "<script>", "")
    ]

    assert plain.headers["x-request-id"] == plain.json()["request_id"] == "abc-1.2_Z"
    uuid = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
    assert all(uuid.fullmatch(answer.headers["x-request-id"]) for answer in odd)


async def test_a_request_is_one_line_in_the_log_without_what_was_sent(
    agent: Served, caplog: pytest.LogCaptureFixture
) -> None:
    link = (await agent.client.post(TICKETS)).json()["url"]
    with caplog.at_level(logging.INFO, logger="agent.request"):
        reply = await agent.stranger.get(link, params={"q": "canary"})
        await agent.client.get("/nope/canary")
        await agent.client.get("/api/v1/health/ready")

    entered, unknown = (record.__dict__ for record in caplog.records)
    facts = ("request_id", "method", "route", "status")
    assert [entered[fact] for fact in facts] == [
        reply.headers["x-request-id"],
        "GET",
        "/ui/ticket/<ticket>",
        303,
    ]
    assert [unknown[fact] for fact in facts[1:]] == ["GET", None, 404]
    assert 0 <= entered["ms"] < 5000
    assert "canary" not in f"{entered}{unknown}"


async def test_no_secret_gets_into_logs_bodies_or_addresses(
    agent: Served, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    made = await agent.client.post("/api/v1/tokens", json={"name": "n", "scopes": ["chat"]})
    link = (await agent.client.post(TICKETS)).json()["url"]
    cookies = await signed_in(agent)
    pairing = (await agent.stranger.post("/api/v1/pairing", json={"name": "p"})).json()
    secrets = [
        agent.token,
        made.json()["token"],
        link.rsplit("/", 1)[1],
        cookies[f"orca_agent_{agent.settings.port}"],
        pairing["secret"],
    ]
    bodies = []
    for secret in secrets:
        headers = {"Authorization": f"Bearer {secret}x", "Cookie": f"a={secret}"}
        for method, path in (
            ("GET", f"{SESSION}?token={secret}"),
            ("GET", f"/{secret}"),
            ("GET", f"/ui/ticket/{secret}x"),
            ("POST", f"/api/v1/pairing/{secret}/confirm"),
            ("DELETE", f"/api/v1/tokens/{secret}"),
        ):
            content = f'{{"code": "{secret}", "x": 1}}'.encode()
            for client in (agent.stranger, agent.client):
                sent = headers if client is agent.stranger else {}
                json = {**sent, "Content-Type": "application/json"}
                reply = await client.request(method, path, content=content, headers=json)
                bodies.append(f"{reply.headers} {reply.text}")

    everything = "".join(bodies) + "".join(
        f"{record.getMessage()} {record.__dict__}"
        for record in caplog.records
        if not record.name.startswith(NOT_OURS)
    )
    assert [secret for secret in secrets if secret in everything] == []
