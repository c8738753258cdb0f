"""What works in the background breaks, and the hub goes on."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from hub.identity.service import NewAccount
from tests.hub.postgres import Postgres
from tests.hub.serving import PASSWORD, Served, running_hub

pytestmark = pytest.mark.slow
Json = dict[str, Any]  # Any: JSON


async def until(ada: httpx.AsyncClient, holds: Callable[[Json], bool]) -> Json:
    """What readiness says of the loops, as soon as that holds."""
    async with asyncio.timeout(30):
        while True:
            answer = await ada.get("/health/ready")
            assert answer.status_code == 200, answer.text
            said: Json = answer.json()
            if holds(said["parts"]["loops"]):
                return said
            await asyncio.sleep(0.2)


async def rename(served: Served, table: str, name: str) -> None:
    async with served.hub.core.database.writing() as connection:
        await connection.execute(text(f"ALTER TABLE {table} RENAME TO {name}"))


@pytest.mark.timeout(60)
async def test_a_loop_that_cannot_work_is_told_and_the_hub_serves_on(
    server: Postgres, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    environment = {"ORCA_HUB_DATABASE_URL": server.new_database()}
    async with running_hub(tmp_path, environment=environment) as served:
        await served.hub.local.add(NewAccount("ada", PASSWORD, "administrator"))
        ada = await served.signed_in("ada")
        before = await until(ada, lambda part: part["is_well"])
        await rename(served, "schedule", "schedule_away")
        with caplog.at_level(logging.ERROR):
            broken = await until(ada, lambda part: not part["is_well"])
        people = await ada.get("/users")
        await rename(served, "schedule_away", "schedule")
        after = await until(ada, lambda part: part["is_well"])
        job = await ada.post("/jobs", json={"name": "jobs.forget"})
        done = await until_done(ada, job.json()["id"])

    said = broken["parts"]["loops"]
    assert (broken["status"], after["status"]) == ("degraded", before["status"])
    assert said["problem"] == "Background work fails again and again: jobs. The log says why."
    assert said["last_success_at"] >= before["parts"]["loops"]["last_success_at"]
    assert (people.status_code, done["state"]) == (200, "done")
    assert any("the loop jobs broke" in one.message for one in caplog.records)


async def until_done(ada: httpx.AsyncClient, job_id: str) -> Json:
    async with asyncio.timeout(20):
        while True:
            job: Json = (await ada.get(f"/jobs/{job_id}")).json()
            if job["ended_at"]:
                return job
            await asyncio.sleep(0.1)


async def test_who_did_a_job_is_named_as_in_the_list_of_workers(tmp_path: Path) -> None:
    async with running_hub(tmp_path) as served:
        await served.hub.local.add(NewAccount("ada", PASSWORD, "administrator"))
        ada = await served.signed_in("ada")
        asked = await ada.post("/jobs", json={"name": "jobs.forget"})
        job = await until_done(ada, asked.json()["id"])
        workers = (await ada.get("/jobs/queues")).json()["workers"]

    names = [(one["host"], one["process"], one["id"]) for one in workers]
    assert names == [(job["worker_host"], job["worker_process"], job["worker"])]
