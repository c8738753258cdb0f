"""What is answered at addresses that there are not."""

from pathlib import Path

import pytest

from tests.serving import running_agent


@pytest.mark.slow
async def test_two_slashes_are_an_unknown_address_and_lead_nowhere(tmp_path: Path) -> None:
    async with running_agent(tmp_path / "data") as agent:
        answer = await agent.client.get(f"{agent.url}/api//v1/runtime")

    assert (answer.status_code, answer.json()["type"]) == (404, "urn:orca:problem:no-such-route")
