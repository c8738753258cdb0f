"""A large upload costs the agent no memory."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.program import program
from tests.agent.slicer.sending import CUBE, FILES, client_of

MB = 1_000_000
MOST_GROWTH_KB = 40_000


@pytest.mark.slow
@pytest.mark.timeout(90)
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_three_hundred_megabytes_leave_the_memory_as_it_was(tmp_path: Path) -> None:
    with program(tmp_path / "data") as one:
        agent = one.serve()
        with client_of(agent) as client:
            client.post(FILES, params={"name": "first.gcode"}, content=CUBE)
            before = most_kb(agent.pid)
            told = client.post(FILES, params={"name": "large.gcode"}, content=pieces(300))
            after = most_kb(agent.pid)

    assert (told.status_code, told.json()["size_bytes"] > 300 * MB) == (201, True)
    assert after - before < MOST_GROWTH_KB


def pieces(size_mb: int) -> Iterator[bytes]:
    yield CUBE
    for _ in range(size_mb):
        yield b"G1 X1 Y1.\n" * (MB // 10)


def most_kb(pid: int) -> int:
    """The most memory that a process ever had."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text("utf-8"))
    return int(found[1]) if found else 0
