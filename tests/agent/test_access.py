"""Tokens, sessions, tickets and pairing, through the front door."""

import asyncio
import os
import re
import stat
from collections.abc import AsyncIterator
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

import httpx
import pytest

from agent.access.token_file import TokenFile
from agent.shared.clock import random_secret
from agent.shared.errors import Unavailable
from agent.shared.private_file import write_private
from tests.clock import MovingClock
from tests.serving import Served, running_agent

TOKENS = "/api/v1/tokens"
SESSION = "/api/v1/session"
TICKETS = "/api/v1/tickets"
PAIRING = "/api/v1/pairing"
ALL = ["admin", "chat", "models", "printhost", "slicer"]
OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}
posix_only = pytest.mark.skipif(os.name != "posix", reason="file modes are those of POSIX")


@pytest.fixture
def clock() -> MovingClock:
    return MovingClock()


@pytest.fixture
async def agent(tmp_path: Path, clock: MovingClock) -> AsyncIterator[Served]:
    async with running_agent(tmp_path / "data", clock=clock) as served:
        yield served


def code(reply: httpx.Response) -> tuple[int, str]:
    """The status, and what a problem document says happened."""
    is_problem = reply.headers.get("content-type") == "application/problem+json"
    what = reply.json()["type"] if is_problem else ""
    return reply.status_code, what.removeprefix("urn:orca:problem:")


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def page_of(agent: Served, cookies: httpx.Cookies) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=agent.url, cookies=cookies, headers=OWN_PAGE, timeout=30)


async def link_of(agent: Served, token: str | None = None) -> str:
    headers = bearer(token or agent.token)
    return str((await agent.stranger.post(TICKETS, headers=headers)).json()["url"])


async def enter(agent: Served, link: str) -> httpx.Response:
    """As a browser that knows nothing."""
    async with httpx.AsyncClient(timeout=30) as browser:
        return await browser.get(link)


async def make_token(agent: Served, **asked: object) -> dict[str, Any]:  # Any: JSON values
    reply = await agent.client.post(TOKENS, json={"name": "n", "scopes": ["chat"], **asked})
    assert reply.status_code == 201
    made: dict[str, Any] = reply.json()
    return made


async def start_pairing(agent: Served, name: str = "Device tab") -> dict[str, Any]:  # Any: JSON
    reply = await agent.stranger.post(PAIRING, json={"name": name})
    assert reply.status_code == 201
    started: dict[str, Any] = reply.json()
    return started


async def ask(agent: Served, started: dict[str, Any], **more: object) -> httpx.Response:
    asked = {"id": started["id"], "secret": started["secret"], **more}
    return await agent.stranger.post(PAIRING, json=asked)


async def confirm(agent: Served, started: dict[str, Any], typed: str) -> httpx.Response:
    return await agent.client.post(f"{PAIRING}/{started['id']}/confirm", json={"code": typed})


# The token file


@posix_only
async def test_the_token_file_and_its_folder_are_for_the_owner_alone(agent: Served) -> None:
    folder = agent.settings.data_dir

    modes = {name: stat.S_IMODE((folder / name).stat().st_mode) for name in (".", "token")}

    assert modes == {".": 0o700, "token": 0o600}
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}\n", (folder / "token").read_text())
    assert [file.name for file in folder.glob(".token*")] == []


@posix_only
def test_a_private_file_is_never_open_to_others_whatever_the_umask(tmp_path: Path) -> None:
    seen: set[int] = set()
    old = os.umask(0)
    try:
        write_private(tmp_path / "one", "secret")
        seen.add(stat.S_IMODE((tmp_path / "one").stat().st_mode))
        (tmp_path / "one").chmod(0o644)
        write_private(tmp_path / "one", "other")
        seen.add(stat.S_IMODE((tmp_path / "one").stat().st_mode))
    finally:
        os.umask(old)

    assert (seen, (tmp_path / "one").read_text()) == ({0o600}, "other")


def test_a_token_file_is_kept_over_restarts(tmp_path: Path) -> None:
    TokenFile(tmp_path / "token", random_secret)
    first = (tmp_path / "token").read_text()

    TokenFile(tmp_path / "token", random_secret)

    assert (tmp_path / "token").read_text() == first


@posix_only
@pytest.mark.parametrize("spoil", ["readable", "linked", "empty", "short", "binary"])
def test_a_token_that_others_may_know_is_replaced(tmp_path: Path, spoil: str) -> None:
    file, known = tmp_path / "token", "k" * 43
    if spoil == "linked":
        (tmp_path / "elsewhere").write_text(known)
        (tmp_path / "elsewhere").chmod(0o600)
        file.symlink_to(tmp_path / "elsewhere")
    else:
        content = {"empty": b"", "short": b"abc", "binary": b"\xff" * 43}
        file.write_bytes(content.get(spoil, known.encode()))
        file.chmod(0o644 if spoil == "readable" else 0o600)

    TokenFile(file, random_secret)

    assert not file.is_symlink()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}\n", file.read_text())
    assert file.read_text().strip() != known


async def test_a_token_file_that_cannot_be_written_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "data" / "token" / "taken").mkdir(parents=True)

    with pytest.raises(Unavailable) as refused:
        async with running_agent(tmp_path / "data"):
            pass

    assert refused.value.code == "token-file"
    assert "token file cannot be written" in refused.value.detail


async def test_rotating_ends_the_old_main_token_at_once(agent: Served) -> None:
    reply = await agent.client.post(f"{TOKENS}/rotate")

    new = (agent.settings.data_dir / "token").read_text().strip()
    assert (reply.status_code, reply.json()) == (200, {"rotated": True})
    assert new != agent.token
    assert code(await agent.client.get(SESSION)) == (401, "unauthenticated")
    assert code(await agent.stranger.get(SESSION, headers=bearer(new))) == (200, "")


# Tokens


async def test_a_token_is_told_once_and_listed_without_its_secret(agent: Served) -> None:
    made = await make_token(agent, name=" Python client ", scopes=["models", "chat"])
    secret = made.pop("token")

    listed = (await agent.client.get(TOKENS)).json()

    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", secret)
    assert made == {
        "id": made["id"],
        "kind": "token",
        "name": "Python client",
        "scopes": ["chat", "models"],
        "created_at": "2026-01-31T09:05:00.000000Z",
        "last_used_at": None,
        "expires_at": None,
    }
    assert listed == {"items": [made], "next_cursor": None}


async def test_no_secret_stands_in_the_database(agent: Served) -> None:
    token = (await make_token(agent))["token"]
    session = (await enter(agent, await link_of(agent))).cookies.jar
    secrets = [token, agent.token, *(cookie.value or "" for cookie in session)]
    folder = agent.settings.data_dir

    stored = b"".join(file.read_bytes() for file in folder.glob("agent.db*"))

    assert len(secrets) == 3
    assert [secret for secret in secrets if secret.encode() in stored] == []


async def test_a_token_has_its_scopes_and_no_more(agent: Served) -> None:
    token = (await make_token(agent, name="page", scopes=["models"]))["token"]

    me = await agent.stranger.get(SESSION, headers=bearer(token))
    more = await agent.stranger.post(
        TOKENS, json={"name": "x", "scopes": ["admin"]}, headers=bearer(token)
    )

    assert me.json() == {"kind": "token", "name": "page", "scopes": ["models"], "expires_at": None}
    assert code(more) == (403, "scope-missing")


async def test_a_token_that_is_taken_away_is_worth_nothing_at_once(agent: Served) -> None:
    made = await make_token(agent)
    before = await agent.stranger.get(SESSION, headers=bearer(made["token"]))

    gone = await agent.client.delete(f"{TOKENS}/{made['id']}")

    assert before.status_code == 200
    assert (gone.status_code, gone.content) == (204, b"")
    after = await agent.stranger.get(SESSION, headers=bearer(made["token"]))
    assert code(after) == (401, "unauthenticated")
    again = await agent.client.delete(f"{TOKENS}/{made['id']}")
    assert code(again) == (404, "no-such-token")
    assert code(await agent.client.delete(f"{TOKENS}/main")) == (409, "main-token")


async def test_taking_a_token_away_while_it_is_being_used_leaves_nothing_behind(
    agent: Served,
) -> None:
    for _ in range(10):
        made = await make_token(agent)
        uses = [agent.stranger.get(SESSION, headers=bearer(made["token"])) for _ in range(4)]

        await asyncio.gather(*uses, agent.client.delete(f"{TOKENS}/{made['id']}"))

        after = await agent.stranger.get(SESSION, headers=bearer(made["token"]))
        assert after.status_code in {401, 429}


async def test_a_token_ends_when_it_was_meant_to(agent: Served, clock: MovingClock) -> None:
    made = await make_token(agent, expires_at="2026-01-31T10:05:00+00:00")

    clock.passes(minutes=59)
    before = await agent.stranger.get(SESSION, headers=bearer(made["token"]))
    clock.passes(minutes=1)
    after = await agent.stranger.get(SESSION, headers=bearer(made["token"]))

    assert made["expires_at"] == "2026-01-31T10:05:00.000000Z"
    assert (code(before), code(after)) == ((200, ""), (401, "unauthenticated"))


async def test_the_use_of_a_token_is_noted_by_the_hour(agent: Served, clock: MovingClock) -> None:
    made = await make_token(agent)
    noted = []

    for minutes in (0, 59, 1):
        clock.passes(minutes=minutes)
        await agent.stranger.get(SESSION, headers=bearer(made["token"]))
        noted.append((await agent.client.get(TOKENS)).json()["items"][0]["last_used_at"])

    assert [at[11:16] for at in noted] == ["09:05", "09:05", "10:05"]


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"name": "", "scopes": ["chat"]},
        {"name": "x" * 81, "scopes": ["chat"]},
        {"name": "a\nb", "scopes": ["chat"]},
        {"name": "a\u202eb", "scopes": ["chat"]},
        {"name": "x", "scopes": []},
        {"name": "x", "scopes": ["everything"]},
        {"name": "x", "scopes": "admin"},
        {"name": "x", "scopes": ["chat"], "token": "mine"},
        {"name": "x", "scopes": ["chat"], "expires_at": "2026-01-31T09:05:00"},
        {"name": "x", "scopes": ["chat"], "expires_at": "2020-01-01T00:00:00Z"},
    ],
)
async def test_a_token_that_makes_no_sense_is_refused(
    agent: Served, asked: dict[str, object]
) -> None:
    reply = await agent.client.post(TOKENS, json=asked)

    wanted = "expired-already" if "2020" in str(asked) else "invalid-fields"
    assert code(reply) == (422, wanted)
    assert (await agent.client.get(TOKENS)).json()["items"] == []


async def test_tokens_and_sessions_live_on_over_a_restart(tmp_path: Path) -> None:
    async with running_agent(tmp_path / "data") as first:
        token = (await make_token(first))["token"]
        cookies = (await enter(first, await link_of(first))).cookies
        [session] = [cookie.value for cookie in cookies.jar]

    async with running_agent(tmp_path / "data") as second:
        name = f"orca_agent_{second.settings.port}"
        kept = await second.stranger.get(SESSION, headers=bearer(token))
        paged = await second.stranger.get(SESSION, headers={"Cookie": f"{name}={session}"})

    assert (kept.json()["kind"], paged.json()["kind"]) == ("token", "session")
    assert second.token == first.token


# Tickets and sessions


async def test_a_ticket_signs_one_browser_in_once(agent: Served) -> None:
    made = await agent.client.post(TICKETS)
    link = made.json()["url"]

    first, second = await enter(agent, link), await enter(agent, link)

    assert made.status_code == 201
    assert made.json()["expires_at"] == "2026-01-31T09:06:00.000000Z"
    assert re.fullmatch(rf"{agent.url}/ui/ticket/[A-Za-z0-9_-]{{43}}", link)
    assert (first.status_code, first.headers["location"]) == (303, "/ui")
    assert (second.status_code, second.headers.get("set-cookie")) == (410, None)
    assert "orca-agent url" in second.text
    assert "<script" not in second.text


async def test_a_cookie_is_out_of_reach_for_scripts_and_other_sites(agent: Served) -> None:
    reply = await enter(agent, await link_of(agent))

    [(name, morsel)] = SimpleCookie(reply.headers["set-cookie"]).items()
    set_fields = {field: value for field, value in morsel.items() if value and field != "expires"}
    assert name == f"orca_agent_{agent.settings.port}"
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", morsel.value)
    assert set_fields == {
        "path": "/",
        "max-age": str(90 * 24 * 3600),
        "httponly": True,
        "samesite": "Strict",
    }


async def test_a_ticket_is_over_after_a_minute(agent: Served, clock: MovingClock) -> None:
    early, late = await link_of(agent), await link_of(agent)

    clock.passes(seconds=59)
    before = await enter(agent, early)
    clock.passes(seconds=1)
    after = await enter(agent, late)

    assert (before.status_code, after.status_code) == (303, 410)


async def test_looking_ahead_does_not_use_a_ticket_up(agent: Served) -> None:
    link = await link_of(agent)

    ahead = [
        await agent.stranger.head(link),
        await agent.stranger.get(link, headers={"Sec-Purpose": "prefetch;prerender"}),
        await agent.stranger.get(link, headers={"Purpose": "prefetch"}),
    ]

    assert [reply.status_code for reply in ahead] == [503, 503, 503]
    assert (await enter(agent, link)).status_code == 303


async def test_a_ticket_gives_no_more_than_its_maker_has(agent: Served) -> None:
    token = (await make_token(agent, scopes=["chat"]))["token"]

    entered = await enter(agent, await link_of(agent, token))

    async with page_of(agent, entered.cookies) as page:
        me, refused = await page.get(SESSION), await page.get(TOKENS)
    assert me.json()["scopes"] == ["chat"]
    assert code(refused) == (403, "scope-missing")


async def test_a_session_says_who_it_is_and_can_be_ended(agent: Served) -> None:
    entered = await enter(agent, await link_of(agent))
    async with page_of(agent, entered.cookies) as page:
        me = await page.get(SESSION)

        ended = await page.delete(SESSION)

    assert me.json() == {
        "kind": "session",
        "name": "Browser page",
        "scopes": ALL,
        "expires_at": "2026-05-01T09:05:00.000000Z",
    }
    assert (ended.status_code, ended.content) == (204, b"")
    assert "Max-Age=0" in ended.headers["set-cookie"]
    async with page_of(agent, entered.cookies) as page:
        assert code(await page.get(SESSION)) == (401, "unauthenticated")
    assert code(await agent.client.delete(SESSION)) == (409, "not-a-session")


async def test_a_lost_page_can_be_signed_out_from_elsewhere(agent: Served) -> None:
    entered = await enter(agent, await link_of(agent))
    [listed] = (await agent.client.get(TOKENS)).json()["items"]

    await agent.client.delete(f"{TOKENS}/{listed['id']}")

    assert (listed["kind"], listed["name"]) == ("session", "Browser page")
    async with page_of(agent, entered.cookies) as page:
        assert code(await page.get(SESSION)) == (401, "unauthenticated")


async def test_a_session_lives_ninety_days_from_its_last_use(
    agent: Served, clock: MovingClock
) -> None:
    entered = await enter(agent, await link_of(agent))
    async with page_of(agent, entered.cookies) as page:
        fresh = await page.get(SESSION)
        clock.passes(days=89)
        used = await page.get(SESSION)
        soon = await page.get(SESSION)
        clock.passes(days=89)
        still = await page.get(SESSION)
        clock.passes(days=90)
        over = await page.get(SESSION)

    assert used.json()["expires_at"] == "2026-07-29T09:05:00.000000Z"
    assert [code(reply) for reply in (fresh, used, soon, still)] == [(200, "")] * 4
    assert code(over) == (401, "unauthenticated")
    renewed = ["set-cookie" in reply.headers for reply in (fresh, used, soon, still)]
    assert renewed == [False, True, False, True]


# Pairing


async def test_a_page_is_paired_by_the_code_that_it_shows(agent: Served) -> None:
    started = await start_pairing(agent)
    waits = await ask(agent, started, session=True)
    listed = (await agent.client.get(PAIRING)).json()

    typed = f"{started['code'][:3]} {started['code'][3:]}"
    confirmed = await confirm(agent, started, typed)

    done = await ask(agent, started, session=True)
    assert re.fullmatch(r"\d{6}", started["code"])
    assert started["expires_at"] == "2026-01-31T09:07:00.000000Z"
    assert started["state"] == "waiting"
    assert waits.json() == {"state": "waiting"}
    assert listed == {
        "items": [
            {
                "id": started["id"],
                "name": "Device tab",
                "created_at": "2026-01-31T09:05:00.000000Z",
                "expires_at": "2026-01-31T09:07:00.000000Z",
            }
        ],
        "next_cursor": None,
    }
    assert (confirmed.status_code, confirmed.json()) == (200, {"state": "confirmed"})
    assert (done.status_code, done.json()) == (200, {"state": "confirmed"})
    async with page_of(agent, done.cookies) as page:
        me = (await page.get(SESSION)).json()
    assert (me["kind"], me["name"], me["scopes"]) == ("session", "Device tab", ALL)
    assert code(await ask(agent, started)) == (404, "no-such-pairing")


async def test_a_program_is_paired_with_a_token_that_cannot_administer(agent: Served) -> None:
    started = await start_pairing(agent, "Script")
    await confirm(agent, started, started["code"])

    done = await ask(agent, started)

    assert "set-cookie" not in done.headers
    me = await agent.stranger.get(SESSION, headers=bearer(done.json()["token"]))
    assert me.json() == {
        "kind": "token",
        "name": "Script",
        "scopes": ["chat", "models", "printhost", "slicer"],
        "expires_at": None,
    }


async def test_five_wrong_codes_end_a_pairing(agent: Served) -> None:
    started = await start_pairing(agent)
    wrong = "000000" if started["code"] != "000000" else "000001"

    refused = [await confirm(agent, started, wrong) for _ in range(5)]

    assert [code(reply) for reply in refused] == [(403, "wrong-code")] * 5
    assert [reply.json()["tries_left"] for reply in refused] == [4, 3, 2, 1, 0]
    assert code(await confirm(agent, started, started["code"])) == (410, "pairing-over")
    assert (await ask(agent, started)).json() == {"state": "refused"}


async def test_a_code_is_over_after_two_minutes(agent: Served, clock: MovingClock) -> None:
    started = await start_pairing(agent)

    clock.passes(seconds=120)

    assert code(await confirm(agent, started, started["code"])) == (410, "pairing-over")
    assert (await ask(agent, started)).json() == {"state": "expired"}
    assert (await agent.client.get(PAIRING)).json()["items"] == []


async def test_a_late_confirmation_leaves_time_to_collect_it(
    agent: Served, clock: MovingClock
) -> None:
    kept, left = await start_pairing(agent), await start_pairing(agent)
    clock.passes(seconds=119)
    for started in (kept, left):
        await confirm(agent, started, started["code"])

    clock.passes(seconds=30)
    collected = await ask(agent, kept)
    clock.passes(seconds=31)
    forgotten = await ask(agent, left)

    assert collected.json()["state"] == "confirmed"
    assert forgotten.json() == {"state": "expired"}


async def test_a_refused_program_hears_so(agent: Served) -> None:
    started = await start_pairing(agent)

    refused = await agent.client.post(f"{PAIRING}/{started['id']}/refuse")

    assert (refused.status_code, refused.content) == (204, b"")
    assert (await ask(agent, started)).json() == {"state": "refused"}
    again = await agent.client.post(f"{PAIRING}/{started['id']}/refuse")
    assert code(again) == (410, "pairing-over")


async def test_only_five_programs_wait_at_once(agent: Served, clock: MovingClock) -> None:
    waiting = [await start_pairing(agent, f"p{number}") for number in range(5)]
    clock.passes(seconds=20)

    sixth = await agent.stranger.post(PAIRING, json={"name": "one more"})

    assert code(sixth) == (429, "too-many-pairings")
    assert sixth.headers["retry-after"] == "100"
    await agent.client.post(f"{PAIRING}/{waiting[0]['id']}/refuse")
    assert (await start_pairing(agent, "one more"))["state"] == "waiting"


async def test_a_pairing_is_nothing_without_its_secret(agent: Served) -> None:
    started = await start_pairing(agent)
    await confirm(agent, started, started["code"])

    guessed = await agent.stranger.post(PAIRING, json={"id": started["id"], "secret": "guess"})
    unknown = await agent.stranger.post(PAIRING, json={"id": "x", "secret": started["secret"]})

    assert code(guessed) == code(unknown) == (404, "no-such-pairing")
    assert (await ask(agent, started)).json()["state"] == "confirmed"


@pytest.mark.parametrize(
    "asked",
    [{}, {"id": "x"}, {"secret": "x"}, {"name": "n", "id": "x", "secret": "y"}, {"name": " "}],
)
async def test_a_pairing_request_is_either_a_start_or_a_question(
    agent: Served, asked: dict[str, object]
) -> None:
    reply = await agent.stranger.post(PAIRING, json=asked)

    assert code(reply) == (422, "invalid-fields")


async def test_only_administrators_see_and_answer_pairings(agent: Served) -> None:
    token = (await make_token(agent, scopes=["chat", "models", "slicer", "printhost"]))["token"]
    started = await start_pairing(agent)
    path = f"{PAIRING}/{started['id']}"

    tries = [
        await agent.stranger.get(PAIRING, headers=bearer(token)),
        await agent.stranger.post(
            f"{path}/confirm", json={"code": started["code"]}, headers=bearer(token)
        ),
        await agent.stranger.post(f"{path}/refuse", headers=bearer(token)),
        await agent.stranger.post(f"{path}/confirm", json={"code": started["code"]}),
    ]

    assert [code(reply) for reply in tries] == [(403, "scope-missing")] * 3 + [
        (401, "unauthenticated")
    ]
