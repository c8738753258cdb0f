"""Workers as processes of their own: killed in the middle, without a broker, told to end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from hub.identity.service import NewAccount
from tests.hub.redis import Redis
from tests.hub.replicas import program, worker
from tests.hub.serving import PASSWORD, Served, running_hub
from tests.hub.working import EFFECT, HELD, know

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]
Json = dict[str, Any]  # Any: JSON


@asynccontextmanager
async def hub_of(folder: Path, shared: dict[str, str]) -> AsyncIterator[Served]:
    async with running_hub(folder / "hub", environment=shared) as served:
        if not await served.hub.users.found("ada", None, 1):
            await served.hub.local.add(NewAccount("ada", PASSWORD, "administrator"))
        know(served.hub, folder)
        yield served


async def queued(served: Served, name: str, payload: Json) -> str:
    async with served.hub.core.database.writing() as connection:
        return await served.hub.jobs.jobs.enqueue(connection, name, payload)


async def until(ada: httpx.AsyncClient, job_id: str, *states: str) -> Json:
    async with asyncio.timeout(60):
        while True:
            job: Json = (await ada.get(f"/jobs/{job_id}")).json()
            if job["state"] in states:
                return job
            await asyncio.sleep(0.05)


async def until_there(file: Path) -> None:
    async with asyncio.timeout(60):
        while not await asyncio.to_thread(file.exists):  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)


async def workers(ada: httpx.AsyncClient, kind: str) -> list[Json]:
    found: list[Json] = (await ada.get("/jobs/queues")).json()["workers"]
    return [one for one in found if one["kind"] == kind]


async def first_worker(ada: httpx.AsyncClient) -> Json:
    async with asyncio.timeout(60):
        while True:
            if found := await workers(ada, "worker"):
                return found[0]
            await asyncio.sleep(0.05)


async def effects(ada: httpx.AsyncClient) -> list[str]:
    found = (await ada.get("/audit", params={"action": EFFECT, "limit": "100"})).json()["items"]
    return [one["target"] for one in found]


async def test_a_worker_killed_in_the_middle_of_a_job_and_another_one_does_it_once(
    shared: dict[str, str], tmp_path: Path
) -> None:
    environment = {**shared, "ORCA_TEST_FOLDER": str(tmp_path)}
    with worker(tmp_path / "one", environment) as first:
        async with hub_of(tmp_path, shared) as served:
            ada = await served.signed_in("ada")
            await first_worker(ada)
            job_id = await queued(served, EFFECT, {"hangs": True})
            await until_there(tmp_path / f"{job_id}.inside")
            running = await until(ada, job_id, "running")
            with worker(tmp_path / "two", environment) as second:
                first.kill()
                job = await until(ada, job_id, "done")
                seen = await effects(ada)
                code = second.end()

    assert running["attempts"] == 1
    assert (job["attempts"], job["result"]) == (2, {"attempt": 2, "process": second.process.pid})
    assert (seen, code) == ([job_id], 0)


async def test_a_hub_on_a_file_that_is_killed_takes_its_jobs_up_again(tmp_path: Path) -> None:
    environment = {"ORCA_HUB_DATA_DIR": str(tmp_path / "data"), "ORCA_TEST_FOLDER": str(tmp_path)}
    async with running_hub(tmp_path / "data") as served:
        await served.hub.local.add(NewAccount("ada", PASSWORD, "administrator"))
    with worker(tmp_path / "one", environment) as first:
        async with running_hub(tmp_path / "data") as served:
            job_id = await queued_for_others(served)
        await until_there(tmp_path / f"{job_id}.inside")
        first.kill()
    with worker(tmp_path / "two", environment):
        async with running_hub(tmp_path / "data") as served:
            ada = await served.signed_in("ada")
            job = await until(ada, job_id, "done")
            seen = await effects(ada)

    assert (job["attempts"], seen) == (2, [job_id])


async def queued_for_others(served: Served) -> str:
    """By a hub that knows the name and never the work."""
    jobs = served.hub.jobs.jobs
    know(served.hub, served.settings.data_dir)
    known = jobs.known[EFFECT]
    async with served.hub.core.database.writing() as connection:
        job_id = await jobs.enqueue(connection, EFFECT, {"hangs": True})
        del jobs.known[known.name]
    return job_id


async def test_without_the_broker_jobs_are_found_in_the_table(
    shared: dict[str, str], redis_server: Redis, tmp_path: Path
) -> None:
    environment = {**shared, "ORCA_TEST_FOLDER": str(tmp_path)}
    with worker(tmp_path / "one", environment) as one:
        async with hub_of(tmp_path, shared) as served:
            ada = await served.signed_in("ada")
            await first_worker(ada)
            redis_server.stop()
            try:
                away = await until(ada, await queued(served, EFFECT, {}), "done")
            finally:
                redis_server.start()
            back = await until(ada, await queued(served, EFFECT, {}), "done")
            seen = await effects(ada)

    assert away["result"] == back["result"] == {"attempt": 1, "process": one.process.pid}
    assert sorted(seen) == sorted([away["id"], back["id"]])


async def test_where_no_worker_is_the_hub_does_its_jobs_itself(
    shared: dict[str, str], tmp_path: Path
) -> None:
    async with hub_of(tmp_path, shared) as served:
        ada = await served.signed_in("ada")
        job = await until(ada, await queued(served, EFFECT, {}), "done")
        hubs = await workers(ada, "hub")

    assert (job["attempts"], job["worker"], len(hubs)) == (1, hubs[0]["id"], 1)


async def test_a_worker_that_is_told_to_end_leaves_its_job_to_another(
    shared: dict[str, str], tmp_path: Path
) -> None:
    environment = {**shared, "ORCA_TEST_FOLDER": str(tmp_path)}
    with worker(tmp_path / "one", environment) as first:
        async with hub_of(tmp_path, shared) as served:
            ada = await served.signed_in("ada")
            await first_worker(ada)
            job_id = await queued(served, HELD, {})
            await until_there(tmp_path / f"{job_id}.inside")
            code = first.end()
            (tmp_path / f"{job_id}.go").touch()
            job = await until(ada, job_id, "done")
            left = await workers(ada, "worker")

    assert (code, left) == (0, [])
    assert job["attempts"] == 1  # the one that was left does not count


async def test_a_job_in_a_worker_ends_when_somebody_cancels_it_in_the_console(
    shared: dict[str, str], tmp_path: Path
) -> None:
    environment = {**shared, "ORCA_TEST_FOLDER": str(tmp_path)}
    with worker(tmp_path / "one", environment):
        async with hub_of(tmp_path, shared) as served:
            ada = await served.signed_in("ada")
            await first_worker(ada)
            job_id = await queued(served, HELD, {})
            await until_there(tmp_path / f"{job_id}.inside")
            asked = await ada.post(f"/jobs/{job_id}/cancel")
            job = await until(ada, job_id, "cancelled", "done")

    assert (asked.status_code, asked.json()["state"]) == (202, "running")
    assert (job["state"], job["is_unwanted"], job["result"]) == ("cancelled", True, None)


async def test_the_worker_that_operators_start_works_and_ends(
    shared: dict[str, str], tmp_path: Path
) -> None:
    with program(tmp_path / "worker", shared, "-m", "hub", "worker") as real:
        real.wait_for("jobs at a time")
        async with hub_of(tmp_path, shared) as served:
            ada = await served.signed_in("ada")
            there = await first_worker(ada)
            asked = (await ada.post("/jobs", json={"name": "jobs.forget"})).json()
            job = await until(ada, asked["id"], "done")
        code = real.end()

    assert (job["worker"], code) == (there["id"], 0)
    assert "The worker has ended." in real.output()


async def test_two_replicas_without_a_broker_do_each_job_once(
    shared: dict[str, str], tmp_path: Path
) -> None:
    environment = {name: value for name, value in shared.items() if "REDIS" not in name}
    async with (
        hub_of(tmp_path / "one", environment) as one,
        hub_of(tmp_path / "two", environment) as two,
    ):
        ada = await one.signed_in("ada")
        ids = [await queued(one if number % 2 else two, EFFECT, {}) for number in range(40)]
        done = [await until(ada, job_id, "done") for job_id in ids]
        seen = await effects(ada)
        hubs = await workers(ada, "hub")

    assert [job["attempts"] for job in done] == [1] * 40
    assert sorted(seen) == sorted(ids)
    assert {job["worker"] for job in done} <= {one["id"] for one in hubs}
