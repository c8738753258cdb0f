"""The list of checks over HTTP."""

from pathlib import Path

from agent.slicer.checks.checking import CHECKS
from tests.serving import running_agent


async def test_everything_that_is_checked_is_listed(tmp_path: Path) -> None:
    async with running_agent(tmp_path / "data") as one:
        told = await one.client.get("/api/v1/slicer/checks")
        stranger = await one.stranger.get("/api/v1/slicer/checks")

    assert stranger.status_code == 401
    assert told.status_code == 200
    assert told.json()["next_cursor"] is None
    assert told.json()["items"][0] == {
        "id": "too-tall",
        "title": "Higher than the printer",
        "severity": "blocking",
        "looks_at": "the file",
    }
    assert len(told.json()["items"]) == len(CHECKS)
