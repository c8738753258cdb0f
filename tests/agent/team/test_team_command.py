"""`orca-agent team`, beside a real agent and a real hub."""

import asyncio
import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from agent import runfile
from agent.cli import app
from agent.runfile import RunningAgent
from agent.shared.clock import rfc3339, system_clock
from tests.agent.team.teaming import TEAM, a_hub, let_in, signed_in, until
from tests.fakes.ollama import FakeOllama
from tests.serving import Served, running_agent

pytestmark = [pytest.mark.slow, pytest.mark.timeout(60)]


def found(served: Served) -> None:
    """As `serve` leaves it, so that commands find the agent of this process."""
    settings, started_at = served.settings, rfc3339(system_clock())
    here = RunningAgent(served.url, settings.port, os.getpid(), served.token, started_at, "1")
    runfile.write(settings.data_dir, here)


async def said(folder: Path, *words: str) -> Result:
    given = ["team", *words, "--data-dir", str(folder)]
    return await asyncio.to_thread(CliRunner().invoke, app, given)


async def test_an_agent_without_a_browser_signs_in_by_a_code_and_out(tmp_path: Path) -> None:
    folder = tmp_path / "agent"
    async with a_hub(tmp_path / "hub") as hub, running_agent(folder) as served:
        found(served)
        bob = await hub.signed_in("bob")
        async with asyncio.TaskGroup() as group:
            asked = ("login", hub.url, "--device", "--name", "pi", "--json")
            login = group.create_task(said(folder, *asked))
            waiting = await until(served.client, lambda one: one["state"] == "waiting")
            answer = {"user_code": waiting["login"]["user_code"], "allow": True}
            allowed = await bob.post("/auth/device/approve", json=answer)
        status = await said(folder, "status")
        left = await said(folder, "logout")
        after = await said(folder, "status")
        machines = (await bob.get("/machines")).json()["items"]

    done = login.result()
    assert (allowed.status_code, done.exit_code) == (204, 0)
    assert json.loads(done.stdout)["machine"]["name"] == "pi"
    assert f"The code there is {answer['user_code']}." in done.stderr
    assert status.stdout.splitlines()[:2] == [hub.url, "  as bob, on the machine pi"]
    assert (left.exit_code, after.stdout) == (0, "This agent belongs to no hub.\n")
    assert machines == []


async def test_somebody_says_no_and_the_command_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "agent"
    async with a_hub(tmp_path / "hub") as hub, running_agent(folder) as served:
        found(served)
        async with asyncio.TaskGroup() as group:
            login = group.create_task(said(folder, "login", hub.url))
            waiting = await until(served.client, lambda one: one["state"] == "waiting")
            address = waiting["login"]["address"]
            await let_in(await hub.signed_in("bob"), address, allow=False)
        no_address = await said(folder, "login", "http://hub.example.org")
        state = (await served.client.get(TEAM)).json()["state"]

    done = login.result()
    assert (done.exit_code, state) == (1, "off")
    assert address in done.stderr
    assert "This computer was not let in." in done.stderr
    assert "begins with https://" in str(no_address.exception)


async def test_doctor_and_status_know_the_hub(tmp_path: Path) -> None:
    folder = tmp_path / "agent"

    async def told(command: str, *more: str) -> str:
        given = [command, "--data-dir", str(folder), *more]
        return (await asyncio.to_thread(CliRunner().invoke, app, given)).stdout

    async def rows() -> dict[str, tuple[str, str]]:
        found = json.loads(await told("doctor", "--json"))
        return {one["name"]: (one["state"], one["text"]) for one in found}

    async with FakeOllama(models=["short"]) as far, running_agent(folder) as served:
        async with a_hub(tmp_path / "hub", far) as hub:
            found(served)
            await signed_in(served.client, hub)
            up = await until(served.client, lambda one: bool(one["is_up"] and one["models"]))
            status, doctor = (await told("status")).splitlines(), await rows()
        away = (await served.client.post(f"{TEAM}/look")).json()["problem"]
        later, doctor_later = (await told("status")).splitlines(), await rows()
    runfile.remove(folder, os.getpid())
    at_rest = (await rows())["Hub"]

    model = up["models"][0]["name"]
    assert f"Hub      up at {hub.url}, signed in as bob, 1 model" in status
    assert f"Model    {model}" in status
    assert doctor["Hub"] == ("good", f"{hub.url}, signed in as bob; it offers 1")
    assert doctor["Models"] == (
        "good",
        f"{model} of another server answers where none is named",
    )
    assert f"Hub      {away}" in later
    assert doctor_later["Hub"] == ("warning", away)
    assert at_rest == ("good", f"{hub.url}, signed in as bob; asked while the agent runs")
