"""A minute of servers that come, go and misbehave. `python -m tests.together.chaos` does more."""

from pathlib import Path

import pytest

from tests.together.chaos import run


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_every_request_ends_honestly_while_the_servers_flap(tmp_path: Path) -> None:
    report = await run(60, tmp_path / "data")

    assert report.wrong == []
    assert report.count("whole", "done") > 20
    assert report.count("conversation", "done") > 20
