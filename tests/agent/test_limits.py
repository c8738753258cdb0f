"""The rate limit of a caller: a moving minute, counted by a clock that never jumps."""

from pathlib import Path

from agent.access.limits import REMEMBERED_CALLERS, Allowance, RateLimit
from tests.serving import http, running_agent


class Watch:
    """A clock that goes when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_window_moves_and_what_was_refused_does_not_count() -> None:
    watch = Watch()
    limit = RateLimit(2, monotonic=watch)

    first = limit.take("a")
    watch.now += 20
    second = limit.take("a")
    watch.now += 20
    refused = [limit.take("a") for _ in range(5)]
    watch.now += 20
    after = limit.take("a")

    assert (first, second) == (Allowance(2, 1, 60.0), Allowance(2, 0, 40.0))
    assert refused == [Allowance(2, 0, 20.0, is_granted=False)] * 5
    assert after == Allowance(2, 0, 20.0)


def test_callers_do_not_take_from_each_other() -> None:
    limit = RateLimit(1, monotonic=Watch())

    taken = [limit.take(name).is_granted for name in ("a", "b", "a", "b")]

    assert taken == [True, True, False, False]


def test_callers_that_went_silent_are_forgotten() -> None:
    watch = Watch()
    limit = RateLimit(1, monotonic=watch)
    for number in range(REMEMBERED_CALLERS):
        limit.take(str(number))
    watch.now += 61

    limit.take("new")

    assert len(limit._let_in) == 1


async def test_one_request_more_than_allowed_is_told_when_to_come_back(tmp_path: Path) -> None:
    async with running_agent(tmp_path, requests_per_minute=2) as served:
        client = served.client
        named = {"name": "other", "scopes": ["chat"]}
        other = (await client.post("/api/v1/tokens", json=named)).json()["token"]
        opened = (await client.post("/api/v1/conversations", json={})).json()
        path = f"/api/v1/conversations/{opened['id']}/messages"

        answers = [await client.post(path, json={"content": ""}) for _ in range(3)]
        uncounted = await client.get("/api/v1/conversations")
        async with http(
            base_url=served.url, headers={"Authorization": f"Bearer {other}"}
        ) as stranger:
            of_other = await stranger.post(path, json={"content": ""})

    assert [one.status_code for one in answers] == [422, 422, 429]
    left = [one.headers["X-RateLimit-Remaining"] for one in answers]
    assert (left, answers[0].headers["X-RateLimit-Limit"]) == (["1", "0", "0"], "2")
    problem, refused = answers[2].json(), answers[2].headers
    assert (problem["type"], problem["status"]) == ("urn:orca:problem:too-many-requests", 429)
    assert 55 <= int(refused["Retry-After"]) == problem["retry_after_s"] <= 60
    assert (uncounted.status_code, "X-RateLimit-Limit" in uncounted.headers) == (200, False)
    assert (of_other.status_code, of_other.headers["X-RateLimit-Remaining"]) == (422, "1")
