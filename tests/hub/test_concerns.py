"""What an Administrator has to act on is told without being looked for."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from hub.identity.service import NewAccount
from tests.hub.oidc import trusting_hub
from tests.hub.serving import PASSWORD, running_hub
from tests.hub.test_doctor import found, run
from tests.serving import http

pytestmark = pytest.mark.slow
Json = dict[str, Any]  # Any: JSON
TOKEN = "a token of Prometheus, long enough"


async def concerns(ada: httpx.AsyncClient) -> list[tuple[str, int]]:
    answer = await ada.get("/concerns")
    assert answer.status_code == 200, answer.text
    return [(one["kind"], one["count"]) for one in answer.json()["items"]]


async def test_sign_ins_without_groups_are_told_to_administrators_for_a_week(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with trusting_hub(tmp_path, metrics_token=TOKEN) as oidc:
        before = await concerns(await oidc.hub.signed_in("ada"))
        with caplog.at_level(logging.WARNING):
            bob = await oidc.sign_in("00u-bob", preferred_username="bob")
            await oidc.sign_in("00u-eve", preferred_username="eve", groups=[7])
            await oidc.sign_in("00u-fay", preferred_username="fay", groups=["makers"])
        told = await concerns(await oidc.hub.signed_in("ada"))
        refused = await bob.get("/concerns")
        async with http(headers={"Authorization": f"Bearer {TOKEN}"}) as prometheus:
            metrics = (await prometheus.get(f"{oidc.hub.url}/metrics")).text.splitlines()
        oidc.clock.passes(days=8)
        after = await concerns(await oidc.hub.signed_in("ada"))

    assert (before, told, after) == ([], [("groups-unclear", 2)], [])
    assert refused.status_code == 403
    counted = [line for line in metrics if line.startswith("orca_hub_oidc_groups_unclear_total")]
    assert sorted(counted) == [
        'orca_hub_oidc_groups_unclear_total{found="missing"} 1.0',
        'orca_hub_oidc_groups_unclear_total{found="odd"} 1.0',
    ]
    assert [one.message for one in caplog.records if "claim" in one.message] == [
        f"The claim groups of a sign-in is {form}: its groups and role stay as they were. See the "
        "list of sign-ins."
        for form in ("missing", "odd")
    ]


async def test_an_audit_log_that_is_not_whole_is_told_by_the_hub_and_by_doctor(
    tmp_path: Path,
) -> None:
    async with running_hub(tmp_path) as served:
        await served.hub.local.add(NewAccount("ada", PASSWORD, "administrator"))
        ada = await served.signed_in("ada")
        whole = await checked(ada), await concerns(ada)
        async with served.hub.core.database.writing() as connection:
            await connection.execute(text("DROP TRIGGER audit_no_change"))
            await connection.execute(text("UPDATE audit SET actor = 'eve' WHERE number = 1"))
        broken = await checked(ada), await concerns(ada)
    examined = await asyncio.to_thread(run, tmp_path, "doctor", "--json")

    assert whole == (("done", None), [])
    said = "The audit log is broken at entry 1: it was changed or is missing."
    assert broken == (("failed", said), [("audit-broken", 1)])
    assert (found(examined)["audit log"], examined.exit_code) == ("wrong", 1)
    assert said in examined.output


async def checked(ada: httpx.AsyncClient) -> tuple[str, str | None]:
    job_id = (await ada.post("/jobs", json={"name": "audit.check"})).json()["id"]
    async with asyncio.timeout(20):
        while True:
            job: Json = (await ada.get(f"/jobs/{job_id}")).json()
            if job["state"] in ("done", "failed"):
                return job["state"], job["problem"]
            await asyncio.sleep(0.05)
