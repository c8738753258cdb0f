"""How often one may ask: by person, key and address, for one replica and for two."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from hub.identity.service import NewAccount
from hub.limits.buckets import Bucket, Rate, address_key, rate_of, take, wait_for_one
from hub.settings import BadSettings, load
from tests.clock import MovingClock
from tests.hub.redis import Redis
from tests.hub.serving import PASSWORD, Served, running_hub

Json = dict[str, Any]  # Any: JSON


@pytest.mark.parametrize(
    ("text", "rate"),
    [
        ("600/minute", Rate(600, 60)),
        (" 1/second ", Rate(1, 1)),
        ("5/hour", Rate(5, 3600)),
        ("7/day", Rate(7, 86400)),
        ("", None),
    ],
)
def test_a_rate_is_a_number_and_a_time(text: str, rate: Rate | None) -> None:
    assert rate_of(text) == rate


@pytest.mark.parametrize("text", ["600", "0/minute", "-1/minute", "1.5/minute", "9/week", "x"])
def test_what_is_no_rate_stops_the_start_with_a_sentence(text: str, tmp_path: Path) -> None:
    with pytest.raises(BadSettings) as caught:
        load({"ORCA_HUB_RATE_PER_USER": text}, data_dir=tmp_path)

    assert str(caught.value) == (
        "ORCA_HUB_RATE_PER_USER cannot be used: a rate is a number, a slash, and second, minute, "
        "hour or day."
    )


def test_a_bucket_fills_up_evenly_and_no_further() -> None:
    rate = Rate(6, 60)
    bucket, first = take(None, rate, 0.0, 9)
    bucket, second = take(bucket, rate, 5.0)
    bucket, third = take(bucket, rate, 10.0)
    bucket, later = take(bucket, rate, 1000.0, 9)

    assert (first, second, third, later) == (6, 0, 1, 6)
    assert (bucket, wait_for_one(bucket.held, rate)) == (Bucket(0.0, 1000.0), 10.0)


def test_a_clock_that_steps_back_fills_nothing() -> None:
    bucket, _ = take(None, Rate(2, 2), 100.0, 2)

    assert take(bucket, Rate(2, 2), 50.0) == (Bucket(0.0, 100.0), 0)


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::9", "2001:db8:1:2::/64"),
        ("", "unknown"),
    ],
)
def test_addresses_of_one_network_count_as_one(address: str, key: str) -> None:
    assert address_key(address) == key


async def test_who_asks_too_often_is_told_what_is_left_and_when(tmp_path: Path) -> None:
    clock = MovingClock()
    async with running_hub(tmp_path, clock=clock, rate_per_user="3/hour") as served:
        await _with_people(served)
        ada, bob = await served.signed_in("ada"), await served.signed_in("bob")
        answers = [await ada.get("/users/me") for _ in range(4)]
        other = await bob.get("/users/me")
        clock.passes(minutes=20)
        later = await ada.get("/users/me")

    said = [(one.status_code, one.headers["RateLimit-Remaining"]) for one in answers]
    assert said == [(200, "2"), (200, "1"), (200, "0"), (429, "0")]
    problem: Json = answers[3].json()
    assert {name: problem[name] for name in ("type", "limited", "limit", "left", "resets_at")} == {
        "type": "urn:orca:problem:too-many-requests",
        "limited": "user",
        "limit": 3,
        "left": 0,
        "resets_at": "2026-01-31T09:25:00.000000Z",
    }
    headers = {name: answers[3].headers[name] for name in ("Retry-After", "RateLimit-Limit")}
    assert headers == {"Retry-After": "1200", "RateLimit-Limit": "3"}
    assert (other.status_code, later.status_code) == (200, 200)


@pytest.mark.slow
async def test_strangers_share_the_rate_of_their_address_and_members_do_not(
    tmp_path: Path,
) -> None:
    wrong = {"Authorization": "Bearer ohk_guessed"}
    async with running_hub(tmp_path, rate_per_address="5/day", rate_of_logins="2/day") as served:
        await _with_people(served)
        ada = await served.signed_in("ada")
        asked = {"username": "ada", "password": "guessed"}
        logins = [await served.stranger.post("/auth/login", json=asked) for _ in range(2)]
        async with served.browser(**wrong) as guesser:
            guesses = [await guesser.get("/users/me") for _ in range(3)]
            live = await guesser.get("/health/live")
        member = await ada.get("/users/me")

    limited = [one.json().get("limited") for one in (logins[1], guesses[2])]
    assert [one.status_code for one in logins] == [401, 429]
    assert [one.status_code for one in guesses] == [401, 401, 429]
    assert limited == ["login", "address"]
    assert (live.status_code, member.status_code) == (200, 200)


@pytest.mark.slow
async def test_two_replicas_let_in_no_more_than_one_would(
    tmp_path: Path, shared: dict[str, str]
) -> None:
    environment = {**shared, "ORCA_HUB_RATE_PER_USER": "200/day"}
    async with (
        running_hub(tmp_path / "one", environment=environment) as one,
        running_hub(tmp_path / "two", environment=environment) as two,
    ):
        await _with_people(one)
        browsers = [await one.signed_in("ada"), await two.signed_in("ada")]
        answers = await asyncio.gather(
            *(browser.get("/users/me") for _ in range(150) for browser in browsers)
        )
    codes = [one.status_code for one in answers]

    assert set(codes) == {200, 429}
    # What a replica took ahead and no longer needs may go unused: 200 / 20 at most.
    assert 190 <= codes.count(200) <= 200


@pytest.mark.slow
async def test_without_redis_each_replica_counts_by_itself_and_says_so(
    tmp_path: Path, shared: dict[str, str], redis_server: Redis
) -> None:
    environment = {**shared, "ORCA_HUB_RATE_PER_USER": "20/day"}
    clock = MovingClock()
    async with running_hub(tmp_path, environment=environment, clock=clock) as served:
        await _with_people(served)
        ada = await served.signed_in("ada")
        before = [(await ada.get("/users/me")).status_code for _ in range(20)]
        redis_server.stop()
        try:
            away = [(await ada.get("/users/me")).status_code for _ in range(20)]
            told = await _limits_of(ada)
        finally:
            redis_server.start()
        async with asyncio.timeout(20):
            while (await _limits_of(ada))["problem"]:
                clock.passes(seconds=3)
                await ada.get("/users/me")

    assert (before, away) == ([200] * 20, [200] * 20)
    assert told["problem"] == (
        "Redis does not answer, so that each replica counts requests by itself."
    )


async def _limits_of(browser: httpx.AsyncClient) -> Json:
    part: Json = (await browser.get("/health/ready")).json()["parts"]["limits"]
    return part


async def _with_people(served: Served) -> None:
    await served.hub.local.add(NewAccount("ada", PASSWORD, "administrator"))
    await served.hub.local.add(NewAccount("bob", PASSWORD))
