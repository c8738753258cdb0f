"""Quotas: what is set aside before, settled after, refused when it is used up."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from agent.shared.errors import TooMany, Unavailable
from hub.access import Principal
from hub.identity.service import NewAccount
from hub.limits.books import Books, Full, Limit, Use
from hub.limits.opening import books_of
from hub.limits.quotas import Quotas
from hub.limits.rules import (
    Amounts,
    Asked,
    Period,
    Price,
    Quota,
    Reservation,
    Used,
    cost,
    dearest,
    exceeds,
    holds,
    left,
    period_starts,
    price_of,
    resets_at,
    room,
)
from tests.clock import MovingClock
from tests.hub.postgres import Postgres
from tests.hub.serving import PASSWORD, Served, running_hub

Json = dict[str, Any]  # Any: JSON
DATABASES = ["sqlite", pytest.param("postgres", marks=pytest.mark.slow)]


def quota(**values: Any) -> Quota:  # Any: each field its own
    given = {"subject_kind": "everybody", "subject": "", "model": "*", "period": "day"}
    limits = dict.fromkeys(("requests", "tokens", "cost_micros"))
    return Quota(id="q", **{**given, **limits, **values})


@pytest.mark.parametrize(
    ("values", "held"),
    [
        ({}, "yes"),
        ({"model": "gpt-*"}, "yes"),
        ({"model": "llama*"}, "no"),
        ({"subject_kind": "user", "subject": "a1"}, "yes"),
        ({"subject_kind": "user", "subject": "a2"}, "no"),
        ({"subject_kind": "group", "subject": "cad"}, "yes"),
        ({"subject_kind": "group", "subject": "CAD"}, "no"),
        ({"subject_kind": "model", "subject": "gpt-*"}, "yes"),
        ({"subject_kind": "model", "subject": "gpt"}, "no"),
    ],
)
def test_a_quota_holds_for_its_subject_and_its_models(values: Json, held: str) -> None:
    assert holds(quota(**values), Asked("a1", ("cad", "all"), "gpt-5")) is (held == "yes")


@pytest.mark.parametrize(
    ("period", "now", "starts", "resets"),
    [
        ("day", "2026-01-31T23:59:59+00:00", "2026-01-31", "2026-02-01"),
        ("month", "2026-01-31T23:59:59+00:00", "2026-01-01", "2026-02-01"),
        ("month", "2026-12-01T00:00:00+00:00", "2026-12-01", "2027-01-01"),
        ("day", "2026-01-31T23:30:00-05:00", "2026-02-01", "2026-02-02"),
        ("day", "2028-02-28T12:00:00+00:00", "2028-02-28", "2028-02-29"),
    ],
)
def test_periods_begin_at_midnight_by_utc(
    period: Period, now: str, starts: str, resets: str
) -> None:
    moment = datetime.fromisoformat(now)

    assert period_starts(period, moment) == starts
    assert resets_at(period, moment) == datetime.fromisoformat(resets).replace(tzinfo=UTC)


def test_what_does_not_fit_is_named_and_what_is_left_is_told() -> None:
    one, used = quota(requests=3, tokens=100), Amounts(2, 90, 5)

    assert exceeds(one, used, Amounts(1, 10, 999)) is None
    assert exceeds(one, used, Amounts(1, 11, 0)) == "tokens"
    assert exceeds(one, used, Amounts(2, 11, 0)) == "requests"
    assert left(one, used) == {"requests": 1, "tokens": 10, "cost_micros": None}


def test_the_price_that_says_most_counts_and_a_part_of_a_millionth_is_a_whole_one() -> None:
    prices = [
        Price("*", "*", 1, 1),
        Price("gpt-*", "*", 10, 10),
        Price("gpt-5", "*", 100, 100),
        Price("gpt-5", "cloud", 3_000_000, 15_000_000),
    ]

    assert price_of(prices, "gpt-5", "cloud") == prices[3]
    assert price_of(prices, "gpt-5", "other") == prices[2]
    assert price_of(prices, "gpt-4", "cloud") == prices[1]
    assert price_of(prices[1:], "llama", "cloud") is None
    assert (cost(prices[3], 1000, 100), cost(prices[0], 1, 1), cost(None, 9, 9)) == (4500, 1, 0)
    assert dearest(prices, "gpt-5", 1000, 100) == 4500


@pytest.fixture(params=DATABASES)
def place(request: pytest.FixtureRequest) -> dict[str, str]:
    if request.param == "sqlite":
        return {}
    return {"ORCA_HUB_DATABASE_URL": request.getfixturevalue("server").new_database()}


def test_an_answer_is_as_long_as_what_is_left_has_room_for() -> None:
    prices = [Price("m", "*", 1_000_000, 2_000_000)]

    assert room("tokens", 1000, prices, "m", 100, 4096) == 900
    assert room("tokens", 50, prices, "m", 100, 4096) == -50
    assert room("cost_micros", 1100, prices, "m", 100, 4096) == 500
    assert room("cost_micros", 99, prices, "m", 100, 4096) == -1
    assert room("requests", 0, prices, "m", 100, 4096) == -1


async def test_where_less_is_left_than_wanted_a_shorter_answer_is_set_aside_up_to_the_last_token(
    tmp_path: Path, place: dict[str, str]
) -> None:
    async with running_hub(tmp_path, environment=place) as served:
        _, bob = await _people(served)
        browser = await served.signed_in("ada")
        limits = {"subject_kind": "everybody", "period": "day"}
        await browser.post("/quotas", json={**limits, "tokens": 2000})
        await browser.post("/quotas", json={**limits, "model": "dear*", "cost_micros": 900})
        price = {"prompt_micros_per_million": 1_000_000, "answer_micros_per_million": 1_000_000}
        await browser.post("/costs", json={"model": "dear", **price})
        quotas = _quotas(served)

        dear = await quotas.reserve(
            bob, "dear", prompt_tokens=100, answer_tokens=4096, least_tokens=256
        )
        both = await asyncio.gather(
            *(
                quotas.reserve(bob, "m", prompt_tokens=100, answer_tokens=4096, least_tokens=256)
                for _ in range(6)
            ),
            return_exceptions=True,
        )
        own = (await (await served.signed_in("bob")).get("/quotas/me")).json()["items"]

    granted = [one for one in both if isinstance(one, Reservation)]
    refused = [one for one in both if isinstance(one, TooMany)]
    assert (dear.answer_tokens, dear.amounts) == (800, Amounts(1, 900, 900))
    assert [one.amounts for one in granted] == [Amounts(1, 1100, 0)]
    assert [one.code for one in refused] == ["quota-exceeded"] * 5
    assert "356 needed, 0 left." in refused[0].detail
    assert [one["left"]["tokens"] for one in own] == [0, None]


async def test_what_is_set_aside_is_settled_released_and_refused(
    tmp_path: Path, place: dict[str, str]
) -> None:
    clock = MovingClock()
    async with running_hub(tmp_path, environment=place, clock=clock) as served:
        ada, bob = await _people(served)
        browser = await served.signed_in("ada")
        limits = {"subject_kind": "user", "subject": bob.account_id, "period": "day"}
        made = (await browser.post("/quotas", json={**limits, "tokens": 1000})).json()
        price = {"prompt_micros_per_million": 1_000_000, "answer_micros_per_million": 2_000_000}
        await browser.post("/costs", json={"model": "m", **price})
        quotas = _quotas(served)

        first = await quotas.reserve(bob, "m", prompt_tokens=100, answer_tokens=500)
        with pytest.raises(TooMany) as refused:
            await quotas.reserve(bob, "m", prompt_tokens=100, answer_tokens=500)
        await quotas.settle(first, Used(90, 10, 1.5, "gpu-1"))
        await quotas.settle(first, Used(90, 10, 1.5, "gpu-1"))
        second = await quotas.reserve(bob, "m", prompt_tokens=100, answer_tokens=500)
        await quotas.release(second)
        await quotas.release(second)
        third = await quotas.reserve(ada, "m", prompt_tokens=100, answer_tokens=50_000)
        await quotas.settle(third, Used(1, 0, 0.25, "gpu-2", "failed"))
        own = (await (await served.signed_in("bob")).get("/quotas/me")).json()["items"]
        usage = (await browser.get("/usage", params={"by": "user"})).json()
        clock.passes(days=1)
        later = await quotas.reserve(bob, "m", prompt_tokens=0, answer_tokens=1000)

    assert first.amounts == Amounts(1, 600, 1100)
    assert (refused.value.code, refused.value.extra) == (
        "quota-exceeded",
        {
            "quota": {"id": made["id"], "subject_kind": "user", "period": "day"},
            "exceeded": "tokens",
            "wanted": 600,
            "left": {"requests": None, "tokens": 400, "cost_micros": None},
            "resets_at": "2026-02-01T00:00:00.000000Z",
            "retry_after_s": 53_700,
        },
    )
    assert [(one["id"], one["left"]["tokens"]) for one in own] == [(made["id"], 900)]
    counted = {one["label"]: (one["requests"], one["failed"], one["cost_micros"]) for one in
               usage["items"]}  # fmt: skip
    assert counted == {"bob": (1, 0, 110), "ada": (1, 1, 1)}
    assert later.counters[0].starts_at == "2026-02-01"


@pytest.mark.slow
async def test_what_a_replica_left_behind_ends_and_what_goes_on_stays(
    tmp_path: Path, place: dict[str, str]
) -> None:
    clock = MovingClock()
    async with running_hub(tmp_path, environment=place, clock=clock) as served:
        _, bob = await _people(served)
        browser = await served.signed_in("ada")
        asked = {"subject_kind": "everybody", "period": "month", "requests": 2}
        await browser.post("/quotas", json=asked)
        quotas = _quotas(served)
        dead = _quotas(served)
        await dead.reserve(bob, "m", prompt_tokens=1, answer_tokens=1)
        living = await quotas.reserve(bob, "m", prompt_tokens=1, answer_tokens=1)
        clock.passes(minutes=4)
        before = await quotas.beat()
        clock.passes(minutes=4)
        ended = await quotas.beat()
        again = await quotas.beat()
        await quotas.settle(living, Used(1, 1, 1, "p"))
        left_over = (await browser.get("/quotas/me")).json()["items"][0]["left"]["requests"]

    assert (before, ended, again, left_over) == (0, 1, 0, 1)


@pytest.mark.slow
async def test_people_of_a_group_share_its_quota_unless_each_has_as_much(
    tmp_path: Path, place: dict[str, str]
) -> None:
    async with running_hub(tmp_path, environment=place) as served:
        ada, bob = await _people(served)
        browser = await served.signed_in("ada")
        asked = {"subject_kind": "group", "subject": "cad", "period": "day", "requests": 1}
        await browser.post("/groups", json={"name": "cad"})
        shared = (await browser.post("/quotas", json=asked)).json()
        one, other = (_in_group(who, "cad") for who in (ada, bob))
        quotas = _quotas(served)
        taken = await quotas.reserve(one, "m", prompt_tokens=1, answer_tokens=1)
        with pytest.raises(TooMany):
            await quotas.reserve(other, "m", prompt_tokens=1, answer_tokens=1)
        await quotas.release(taken)
        await browser.delete(f"/quotas/{shared['id']}")
        await browser.post("/quotas", json={**asked, "is_each": True})
        quotas.changed()
        for who in (one, other):
            await quotas.reserve(who, "m", prompt_tokens=1, answer_tokens=1)
        with pytest.raises(TooMany):
            await quotas.reserve(one, "m", prompt_tokens=1, answer_tokens=1)


@pytest.mark.slow
async def test_a_quota_that_would_hold_for_nobody_is_refused(
    tmp_path: Path, place: dict[str, str]
) -> None:
    async with running_hub(tmp_path, environment=place) as served:
        await _people(served)
        browser = await served.signed_in("ada")
        await browser.post("/groups", json={"name": "Makers"})
        asked = {"subject_kind": "group", "subject": "makers", "period": "day", "requests": 1}
        made = await browser.post("/quotas", json=asked)
        twice = await browser.post("/quotas", json={**asked, "subject": "Makers"})
        others = [
            await browser.post("/quotas", json={**asked, **change})
            for change in ({"subject": "makres"}, {"requests": True}, {"requests": "1"})
        ]

    assert (made.status_code, made.json()["subject"], twice.status_code) == (201, "Makers", 409)
    assert [(one.status_code, one.json()["type"].rpartition(":")[2]) for one in others] == [
        (422, "no-such-group"),
        (422, "invalid-fields"),
        (422, "invalid-fields"),
    ]


class Slow:
    """Books that are written when they may be."""

    def __init__(self, books: Books) -> None:
        self.books, self.begun, self.may = books, asyncio.Event(), asyncio.Event()

    async def take(
        self, reservation: Reservation, limits: Sequence[Limit], expires_at: str
    ) -> Full | None:
        return await self.books.take(reservation, limits, expires_at)

    async def settle(self, reservation: Reservation, spent: Amounts, use: Use | None) -> None:
        self.begun.set()
        await self.may.wait()
        await self.books.settle(reservation, spent, use)
        self.begun.clear()

    async def end(self, reservation: Reservation) -> None:
        await self.books.end(reservation)

    async def extend(self, ids: Sequence[str], expires_at: str) -> None:
        await self.books.extend(ids, expires_at)


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
async def test_what_was_used_is_counted_also_if_nobody_waits_for_it(hub: Served) -> None:
    core, bob = hub.hub.core, Principal("leaver", "leaver", "user", "session", "s")
    slow = Slow(books_of(core))
    quotas = Quotas(core.database, slow, core.clock, core.new_id)
    taken = await quotas.reserve(bob, "left", prompt_tokens=100, answer_tokens=500)
    settling = asyncio.ensure_future(quotas.settle(taken, Used(90, 10, 1.5, "gpu-1")))
    await slow.begun.wait()
    settling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await settling
    slow.may.set()
    async with asyncio.timeout(20):
        while slow.begun.is_set():  # noqa: ASYNC110 - of what nobody waits for
            await asyncio.sleep(0.01)
    ada = await hub.signed_in("ada")
    total = (await ada.get("/usage", params={"model": "left"})).json()["total"]

    assert (total["requests"], total["prompt_tokens"]) == (1, 90)


class Unheard:
    """Commits, and nobody hears of it the first time."""

    def __init__(self, books: Books) -> None:
        self._books, self._is_deaf = books, True

    async def take(
        self, reservation: Reservation, limits: Sequence[Limit], expires_at: str
    ) -> Full | None:
        return await self._books.take(reservation, limits, expires_at)

    async def settle(self, reservation: Reservation, spent: Amounts, use: Use | None) -> None:
        await self._books.settle(reservation, spent, use)
        if self._is_deaf:
            self._is_deaf = False
            raise Unavailable("database-away", "The connection broke.")

    async def end(self, reservation: Reservation) -> None:
        await self._books.end(reservation)

    async def extend(self, ids: Sequence[str], expires_at: str) -> None:
        await self._books.extend(ids, expires_at)


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
async def test_what_was_counted_without_a_quota_and_unheard_is_not_counted_again(
    hub: Served,
) -> None:
    core, bob = hub.hub.core, Principal("unheard", "unheard", "user", "session", "s")
    quotas = Quotas(core.database, Unheard(books_of(core)), core.clock, core.new_id)
    for _ in range(2):
        taken = await quotas.reserve(bob, "unheard", prompt_tokens=100, answer_tokens=500)
        await quotas.settle(taken, Used(90, 10, 1.5, "gpu-1"))
        await quotas.beat()
    ada = await hub.signed_in("ada")
    total = (await ada.get("/usage", params={"model": "unheard"})).json()["total"]

    assert (total["requests"], total["prompt_tokens"]) == (2, 180)


@pytest.mark.slow
async def test_what_was_used_while_the_database_was_away_is_counted_once(
    tmp_path: Path, server: Postgres
) -> None:
    environment = {"ORCA_HUB_DATABASE_URL": server.new_database()}
    async with running_hub(tmp_path, environment=environment) as served:
        _, bob = await _people(served)
        browser = await served.signed_in("ada")
        asked = {"subject_kind": "everybody", "period": "month", "tokens": 1000}
        await browser.post("/quotas", json=asked)
        quotas = _quotas(served)
        taken = await quotas.reserve(bob, "m", prompt_tokens=100, answer_tokens=500)
        await asyncio.to_thread(server.stop)
        try:
            await quotas.settle(taken, Used(90, 10, 1.5, "gpu-1"))
            with pytest.raises(Unavailable):
                await quotas.reserve(bob, "m", prompt_tokens=1, answer_tokens=1)
        finally:
            await asyncio.to_thread(server.start)
        await quotas.settle(taken, Used(90, 10, 1.5, "gpu-1"))
        for _ in range(2):
            await quotas.beat()
        left_over = (await browser.get("/quotas/me")).json()["items"][0]["left"]["tokens"]
        total = (await browser.get("/usage")).json()["total"]

    assert (left_over, total["requests"], total["prompt_tokens"]) == (900, 1, 90)


@pytest.mark.slow
async def test_two_replicas_and_5000_requests_at_once_take_exactly_what_there_is(
    tmp_path: Path, shared: dict[str, str]
) -> None:
    async with (
        running_hub(tmp_path / "one", environment=shared) as one,
        running_hub(tmp_path / "two", environment=shared) as two,
    ):
        _, bob = await _people(one)
        browser = await one.signed_in("ada")
        about_bob = {"subject_kind": "user", "subject": bob.account_id}
        for asked in (
            {**about_bob, "period": "day", "requests": 3000},
            {**about_bob, "period": "month", "tokens": 10**9},
            {"subject_kind": "everybody", "period": "month", "requests": 10**9},
        ):
            assert (await browser.post("/quotas", json=asked)).status_code == 201

        async def ask(quotas: Quotas, number: int) -> str:
            try:
                taken = await quotas.reserve(bob, "m", prompt_tokens=10, answer_tokens=100)
            except TooMany as err:
                return err.code
            if number % 3:
                await quotas.settle(taken, Used(10, number % 5, 0.1, "p"))
            return "let in"

        replicas = (_quotas(one), _quotas(two))
        answers = await asyncio.gather(*(ask(replicas[n % 2], n) for n in range(5000)))
        own = {item["period"] + item["subject_kind"]: item for item in (
            await (await one.signed_in("bob")).get("/quotas/me")).json()["items"]}  # fmt: skip
        total = (await browser.get("/usage")).json()["total"]

    let_in = [n for n, said in enumerate(answers) if said == "let in"]
    settled = [n for n in let_in if n % 3]
    tokens = sum(10 + n % 5 for n in settled) + 110 * (len(let_in) - len(settled))
    assert (len(let_in), answers.count("quota-exceeded")) == (3000, 2000)
    assert own["dayuser"]["left"]["requests"] == 0
    assert own["monthuser"]["left"]["tokens"] == 10**9 - tokens
    assert own["montheverybody"]["left"]["requests"] == 10**9 - 3000
    assert (total["requests"], total["answer_tokens"]) == (
        len(settled),
        sum(n % 5 for n in settled),
    )


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"subject_kind": "everybody", "period": "day"}, "invalid-fields"),
        ({"subject_kind": "everybody", "subject": "x", "period": "day", "tokens": 1}, None),
        ({"subject_kind": "user", "period": "day", "tokens": 1}, None),
        ({"subject_kind": "user", "subject": "?", "period": "day", "tokens": 1}, "no-such-user"),
        ({"subject_kind": "everybody", "period": "week", "tokens": 1}, None),
        ({"subject_kind": "everybody", "period": "day", "tokens": -1}, None),
        ({"subject_kind": "everybody", "period": "day", "tokens": 10**30}, None),
        ({"subject_kind": "everybody", "period": "day", "tokens": 1, "id": "mine"}, None),
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_quota_that_makes_no_sense_is_refused(
    hub: Served, asked: Json, code: str | None
) -> None:
    browser = await hub.signed_in("ada")
    answer = await browser.post("/quotas", json=asked)

    said = answer.json()["type"].rpartition(":")[2]
    assert (answer.status_code, said) == (422, code or "invalid-fields")


@pytest.mark.asyncio(loop_scope="module")
async def test_an_administrator_sees_what_is_used_and_left_of_each_quota(hub: Served) -> None:
    browser, quotas = await hub.signed_in("ada"), _quotas(hub)
    about = {"subject_kind": "model", "subject": "told-*", "period": "day", "requests": 5}
    ids = [
        (await browser.post("/quotas", json={**about, "is_each": is_each})).json()["id"]
        for is_each in (False, True)
    ]
    for name in ("eve", "fay"):
        who = Principal(name, name, "user", "session", "s")
        taken = await quotas.reserve(who, "told-1", prompt_tokens=10, answer_tokens=50)
        await quotas.settle(taken, Used(9, 1, 0.1, "gpu-1"))
    items = (await browser.get("/quotas")).json()["items"]
    told = {one["id"]: (one["used"], one["left"], one["resets_at"][10:]) for one in items}
    await asyncio.gather(*(browser.delete(f"/quotas/{one}") for one in ids))

    used = {"requests": 2, "tokens": 20, "cost_micros": 0}
    left_of_it = {"requests": 3, "tokens": None, "cost_micros": None}
    assert [told[one][:2] for one in ids] == [(used, left_of_it), (used, None)]
    assert {at[:9] for *_, at in told.values()} == {"T00:00:00"}


@pytest.mark.asyncio(loop_scope="module")
async def test_quotas_and_costs_are_changed_and_removed_and_that_is_noted(hub: Served) -> None:
    browser = await hub.signed_in("ada")
    asked = {"subject_kind": "model", "subject": "gpt-*", "period": "day", "tokens": 5}
    made = (await browser.post("/quotas", json=asked)).json()
    twice = await browser.post("/quotas", json=asked)
    path = f"/quotas/{made['id']}"
    changed = (await browser.patch(path, json={"tokens": None, "requests": 7})).json()
    nothing = await browser.patch(path, json={"requests": None})
    gone = [(await browser.delete(path)).status_code for _ in range(2)]
    price = {"prompt_micros_per_million": 1, "answer_micros_per_million": 2}
    first = (await browser.post("/costs", json={"model": "x", **price})).json()
    second = (await browser.post("/costs", json={"model": "x", **price})).json()
    listed = (await browser.get("/costs")).json()["items"]
    removed = [(await browser.delete(f"/costs/{first['id']}")).status_code for _ in range(2)]
    noted = (await browser.get("/audit", params={"q": made["id"]})).json()["items"]

    assert (twice.status_code, twice.json()["type"]) == (409, "urn:orca:problem:quota-exists")
    assert (changed["tokens"], changed["requests"]) == (None, 7)
    assert (nothing.status_code, gone, removed) == (422, [204, 404], [204, 404])
    assert [one["id"] for one in listed] == [first["id"]] == [second["id"]]
    assert [one["action"] for one in noted] == ["quota.remove", "quota.change", "quota.add"]


def _quotas(served: Served) -> Quotas:
    """Of a replica whose routes nobody asks."""
    core = served.hub.core
    return Quotas(core.database, books_of(core), core.clock, core.new_id)


async def _people(served: Served) -> tuple[Principal, Principal]:
    found = []
    for name, role in (("ada", "administrator"), ("bob", "user")):
        row = await served.hub.local.add(NewAccount(name, PASSWORD, role))  # type: ignore[arg-type] # one of both
        found.append(Principal(row["id"], name, role, "session", "s"))  # type: ignore[arg-type] # as above
    return found[0], found[1]


def _in_group(who: Principal, name: str) -> Principal:
    return Principal(who.account_id, who.name, who.role, "session", "s", groups=(name,))
