"""Background work: queued with what asks for it, done once in effect, seen and steered."""

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from agent.shared.errors import Unavailable
from hub.jobs.running import Job, Result
from hub.jobs.store import JOB
from tests.hub.serving import Served

pytestmark = pytest.mark.asyncio(loop_scope="module")
Json = dict[str, Any]  # Any: JSON


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition(":")[2]


async def queued(hub: Served, name: str, payload: Json, *, key: str | None = None) -> str:
    async with hub.hub.core.database.writing() as connection:
        return await hub.hub.jobs.jobs.enqueue(connection, name, payload, key=key)


async def administrator(hub: Served) -> httpx.AsyncClient:
    there = [browser for name, browser in hub.people.items() if name.startswith("ada ")]
    return there[0] if there else await hub.signed_in("ada")


async def until(hub: Served, job_id: str, *states: str) -> Json:
    """The job as soon as it is in one of these states; `problem`: as soon as it has one."""
    ada = await administrator(hub)
    while True:
        job: Json = (await ada.get(f"/jobs/{job_id}")).json()
        if job["state"] in states or ("problem" in states and job["problem"]):
            return job
        assert job["state"] in ("queued", "running"), job
        await asyncio.sleep(0.02)


async def test_a_job_is_done_and_says_what_came_of_it(hub: Served) -> None:
    async def add(job: Job) -> Result:
        await job.progress(0.5, "half of it")
        return {"sum": sum(job.payload["numbers"])}

    hub.hub.jobs.jobs.register("add", add)
    job = await until(hub, await queued(hub, "add", {"numbers": [1, 2]}), "done")

    assert (job["result"], job["attempts"], job["problem"], job["progress"]) == (
        {"sum": 3},
        1,
        None,
        {"fraction": 0.5, "text": "half of it"},
    )


async def test_a_job_exists_only_if_what_asked_for_it_was_kept(hub: Served) -> None:
    done: list[str] = []

    async def note(job: Job) -> Result:
        done.append(job.id)
        return None

    hub.hub.jobs.jobs.register("note", note)
    lost = ""
    with suppress(Unavailable):
        async with hub.hub.core.database.writing() as connection:
            lost = await hub.hub.jobs.jobs.enqueue(connection, "note", {})
            raise Unavailable("power-cut", "The power went away.")
    kept = await queued(hub, "note", {}, key="the one")
    same = await queued(hub, "note", {}, key="the one")
    await until(hub, kept, "done")
    ada = await administrator(hub)

    assert same == kept
    assert done == [kept]
    assert code(await ada.get(f"/jobs/{lost}")) == (404, "no-such-job")


async def test_a_job_that_fails_is_tried_later_and_again_by_hand(hub: Served) -> None:
    is_back = False

    async def ask(_: Job) -> Result:
        if not is_back:
            raise Unavailable("printer-away", "The printer does not answer.")
        return {"asked": True}

    hub.hub.jobs.jobs.register("ask", ask, attempts=1)
    hub.hub.jobs.jobs.register("ask twice", ask, attempts=2)
    once = await until(hub, await queued(hub, "ask", {}), "failed")
    twice_id = await queued(hub, "ask twice", {})
    ada = await administrator(hub)
    twice = await until(hub, twice_id, "problem")
    too_soon = await ada.post(f"/jobs/{twice_id}/retry")
    is_back = True
    again = await ada.post(f"/jobs/{once['id']}/retry")
    done = await until(hub, once["id"], "done")
    await ada.post(f"/jobs/{twice_id}/cancel")

    assert (once["problem"], once["attempts"]) == ("The printer does not answer.", 1)
    assert (twice["state"], twice["attempts"]) == ("queued", 1)
    assert twice["run_at"] > twice["started_at"]
    assert (code(too_soon), again.status_code) == ((409, "job-not-failed"), 202)
    assert (done["result"], done["problem"]) == ({"asked": True}, None)


async def test_a_mistake_of_the_program_says_nothing_of_what_it_held(hub: Served) -> None:
    async def slip(_: Job) -> Result:
        raise KeyError("secret of somebody")

    hub.hub.jobs.jobs.register("slip", slip, attempts=1)
    job = await until(hub, await queued(hub, "slip", {}), "failed")

    assert job["problem"] == "A mistake of the program (KeyError). The log has the details."


async def test_a_job_is_cancelled_while_it_waits_and_while_it_runs(hub: Served) -> None:
    runs = asyncio.Event()
    ends: list[str] = []

    async def sleep(_: Job) -> Result:
        runs.set()
        try:
            await asyncio.Event().wait()
        finally:
            ends.append("ended")
        return None

    hub.hub.jobs.jobs.register("sleep", sleep)
    running = await queued(hub, "sleep", {})
    await runs.wait()
    async with hub.hub.core.database.writing() as connection:
        later = hub.hub.core.clock() + timedelta(hours=1)
        waiting = await hub.hub.jobs.jobs.enqueue(connection, "sleep", {}, run_at=later)
    ada = await administrator(hub)
    answers = [await ada.post(f"/jobs/{one}/cancel") for one in (running, waiting)]
    states = [(await until(hub, one, "cancelled"))["state"] for one in (running, waiting)]
    again = await ada.post(f"/jobs/{waiting}/cancel")

    assert [one.status_code for one in answers] == [202, 202]
    assert (states, ends) == (["cancelled", "cancelled"], ["ended"])
    assert code(again) == (409, "job-ended")


async def test_what_a_job_changes_and_that_it_is_done_are_one(hub: Served) -> None:
    tries: list[int] = []
    database = hub.hub.core.database

    async def effect(job: Job) -> Result:
        tries.append(job.attempt)
        async with job.finishing() as connection:
            await hub.hub.core.audit.note(connection, "test.effect", job.id)
            if job.attempt == 1:
                raise Unavailable("power-cut", "The power went away.")
            job.result = {"attempt": job.attempt}
        return None

    hub.hub.jobs.jobs.register("effect", effect)
    job_id = await queued(hub, "effect", {})
    ada = await administrator(hub)
    await until(hub, job_id, "problem")
    async with database.writing() as connection:
        due = update(JOB).where(JOB.c.id == job_id).values(run_at=JOB.c.started_at)
        await connection.execute(due)
    hub.hub.jobs.finder.wake()
    job = await until(hub, job_id, "done")
    effects = (await ada.get("/audit", params={"action": "test.effect"})).json()["items"]

    assert (tries, job["result"]) == ([1, 2], {"attempt": 2})
    assert [one["target"] for one in effects] == [job_id]


async def test_a_periodic_job_is_done_now_and_not_twice_at_the_same_time(hub: Served) -> None:
    release = asyncio.Event()

    async def tidy(_: Job) -> Result:
        await release.wait()
        return {"tidy": True}

    jobs = hub.hub.jobs.jobs
    jobs.every("tidy", timedelta(hours=1), tidy)
    await jobs.keep_schedules()
    ada = await administrator(hub)
    first = await ada.post("/jobs", json={"name": "tidy"})
    second = await ada.post("/jobs", json={"name": "tidy"})
    release.set()
    job = await until(hub, first.json()["id"], "done")
    nobody = await ada.post("/jobs", json={"name": "unknown"})
    shown = (await ada.get("/jobs/queues")).json()

    assert (first.status_code, code(second)) == (202, (409, "job-living"))
    assert (job["result"], code(nobody)) == ({"tidy": True}, (404, "no-such-job"))
    schedule = next(one for one in shown["schedules"] if one["name"] == "tidy")
    assert (schedule["period_s"], schedule["job_id"]) == (3600, job["id"])
    assert [one["kind"] for one in shown["workers"]] == ["hub"]
    queue = next(one for one in shown["queues"] if one["name"] == "tidy")
    assert queue == {
        "name": "tidy", "queued": 0, "running": 0, "done": 1, "failed": 0, "cancelled": 0,
    }  # fmt: skip


async def test_a_periodic_job_comes_by_itself_once_for_all_replicas(hub: Served) -> None:
    done = asyncio.Event()

    async def sweep(_: Job) -> Result:
        done.set()
        return None

    jobs, database = hub.hub.jobs.jobs, hub.hub.core.database
    jobs.every("sweep", timedelta(days=1), sweep)
    await jobs.keep_schedules()
    async with database.writing() as connection:
        await connection.exec_driver_sql(
            "UPDATE schedule SET next_at = '2020' WHERE name = 'sweep'"
        )
    await asyncio.gather(*(jobs.queue_due(["sweep"]) for _ in range(5)))
    await done.wait()
    ada = await administrator(hub)
    found = (await ada.get("/jobs", params={"name": "sweep"})).json()["items"]

    assert len(found) == 1


async def test_jobs_are_listed_in_pages_newest_first(hub: Served) -> None:
    async def nothing(_: Job) -> Result:
        return None

    hub.hub.jobs.jobs.register("nothing", nothing)
    ids = [await queued(hub, "nothing", {"number": number}) for number in range(5)]
    for one in ids:
        await until(hub, one, "done")
    ada, found = await administrator(hub), []
    cursor: str | None = None
    while True:
        asked = {"name": "nothing", "state": "done", "limit": "2"}
        page = await ada.get("/jobs", params={**asked, **({"cursor": cursor} if cursor else {})})
        found += [one["id"] for one in page.json()["items"]]
        cursor = page.json()["next_cursor"]
        if cursor is None:
            break
    wrong = await ada.get("/jobs", params={"state": "lost"})

    assert found == ids[::-1]
    assert code(wrong) == (422, "invalid-fields")
