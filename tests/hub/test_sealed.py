"""A hub that is started with another secret key than the one that sealed what it keeps."""

import asyncio
import secrets
from pathlib import Path

import pytest

from tests.hub.asking import Json, asked_hub
from tests.hub.serving import running_hub
from tests.hub.test_doctor import found, run

PART = "sealed secrets"
FIX = "Set the ORCA_HUB_SECRET_KEY that the other replicas have"


@pytest.mark.slow
async def test_another_secret_key_is_told_by_readiness_and_by_the_doctor(tmp_path: Path) -> None:
    folder, other = tmp_path / "data", secrets.token_urlsafe(48)
    async with asked_hub(folder, {}) as asked:
        whole: Json = (await asked.ada.get("/health/ready")).json()["parts"][PART]
    well = await asyncio.to_thread(run, folder, "doctor", "--json")
    async with running_hub(folder, environment={"ORCA_HUB_SECRET_KEY": other}) as hub:
        ada = await hub.signed_in("ada")
        ready: Json = (await ada.get("/health/ready")).json()
    wrong = await asyncio.to_thread(run, folder, "doctor", "--json", secret_key=other)

    assert (whole["is_well"], found(well)[PART]) == (True, "good")
    assert (ready["status"], ready["parts"][PART]["is_well"]) == ("degraded", False)
    assert ready["parts"][PART]["problem"].startswith("What was kept was sealed with another")
    assert (wrong.exit_code, found(wrong)[PART], FIX in wrong.output) == (1, "wrong", True)
