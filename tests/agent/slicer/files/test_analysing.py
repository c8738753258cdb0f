"""The run that reads every move: one at a time for a file, stopped by a click, a deletion, a
crash."""

from pathlib import Path

import psutil
import pytest

from tests.agent.program import program, until
from tests.agent.slicer.sending import FILES, client_of, sent
from tests.serving import Served
from tests.slicing import gcode
from tests.sse import follow

LARGE = gcode.orca(body="G1 X10 Y10 E.01 F6000\nG1 X20 Y10 E.01\n" * 500_000).encode()


def readers(pid: int | None = None) -> list[psutil.Process]:
    """The processes that read moves for an agent, which may be this process."""
    children = psutil.Process(pid).children(recursive=True)
    return [one for one in children if "agent.slicer.gcode.worker" in " ".join(one.cmdline())]


@pytest.mark.asyncio(loop_scope="module")
async def test_who_asks_again_watches_the_same_run_until_it_is_cancelled(served: Served) -> None:
    file = f"{FILES}/{(await sent(served.client, LARGE))['id']}"

    runs = [(await served.client.post(f"{file}/analysis")).json()["id"] for _ in range(2)]
    during = (await served.client.get(file)).json()
    await served.client.post(f"/api/v1/runs/{runs[0]}/cancel")
    events = await follow(served.client, runs[0])
    after = (await served.client.get(file)).json()

    assert runs[0] == runs[1] == during["analysis_run_id"]
    assert events[-1].name == "cancelled"
    assert (after["analysis_run_id"], after["has_analysis"], readers()) == (None, False, [])


@pytest.mark.asyncio(loop_scope="module")
async def test_a_file_that_is_thrown_away_is_read_no_further(served: Served) -> None:
    file = f"{FILES}/{(await sent(served.client, LARGE))['id']}"
    run = (await served.client.post(f"{file}/analysis")).json()["id"]

    deleted = await served.client.delete(file)
    state = (await served.client.get(f"/api/v1/runs/{run}")).json()["state"]

    assert (deleted.status_code, state, readers()) == (204, "cancelled", [])


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_a_crash_ends_the_reading_and_the_run_says_so(tmp_path: Path) -> None:
    with program(tmp_path / "data") as one:
        agent = one.serve()
        with client_of(agent) as client:
            file = client.post(FILES, files={"file": ("large.gcode", LARGE)}).json()
            run = client.post(f"{FILES}/{file['id']}/analysis").json()["id"]
            until(lambda: readers(agent.pid))
            left = readers(agent.pid)
            one.kill()
        until(lambda: not any(map(psutil.Process.is_running, left)))
        with client_of(one.serve()) as client:
            state = client.get(f"/api/v1/runs/{run}").json()["state"]
            again = client.post(f"{FILES}/{file['id']}/analysis")

    assert (state, again.status_code) == ("interrupted", 202)
