"""The agent's tools as other assistants see them, asked by the SDK's own client."""

import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from mcp.types import CallToolResult, TextContent

from agent import runfile
from agent.client.aio import AsyncAgent
from agent.mcp.server import build
from agent.runfile import RunningAgent
from agent.shared.clock import rfc3339, system_clock
from tests.serving import Served

TOOLS = [
    "compare_presets",
    "compute_calibration",
    "list_calibrations",
    "list_files",
    "list_presets",
    "list_printers",
    "look_at_plate",
    "printer_state",
    "propose_changes",
    "read_file_settings",
    "read_guide",
    "read_preset",
    "read_report",
    "search_guide",
    "slicer_now",
]


@asynccontextmanager
async def _assistant(served: Served) -> AsyncIterator[Client]:
    """Another assistant, in this process. No fixture: the SDK is left in the task it began in."""
    async with (
        AsyncAgent(served.url, served.token) as agent,
        Client(build(agent, "1.2.3")) as client,
    ):
        yield client


def _json(result: CallToolResult) -> Any:  # Any: JSON values
    return json.loads(_text(result))


def _text(result: CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


PROPOSED = [
    {"key": "brim_width", "new": "5", "reason": "Corners lift."},
    {"key": "nozzle_temperature", "new": ["400"]},
    {"key": "launch_rocket", "new": "1"},
]


WRONG: list[tuple[str, dict[str, Any], str]] = [
    ("read_guide", {"ref": "guide/perpetual-motion"}, "has no entry"),
    ("read_report", {}, "no sliced file yet"),
    ("read_report", {"file_id": "../../tokens"}, "no"),
    ("read_preset", {"preset_type": "filament", "name": "../PETG"}, "PETG"),
    ("compute_calibration", {"test": "temperature", "values": {}}, "is needed"),
    ("printer_state", {"printer_id": "nobody"}, "no"),
    ("list_presets", {"preset_type": "spool"}, "preset_type"),
    ("delete_everything", {}, "delete_everything"),
]


async def test_an_assistant_reads_what_the_agent_knows_and_hears_no_in_a_sentence(
    served: Served,
) -> None:
    values = {"start": 230, "end": 190, "z": 34}
    async with _assistant(served) as assistant:
        tools = (await assistant.list_tools()).tools
        found = _json(await assistant.call_tool("search_guide", {"question": "PETG strings"}))
        entry = _json(await assistant.call_tool("read_guide", {"ref": "guide/stringing"}))
        computed = _json(
            await assistant.call_tool(
                "compute_calibration", {"test": "temperature", "values": values}
            )
        )
        now = _json(await assistant.call_tool("slicer_now", {}))
        proposed = _json(await assistant.call_tool("propose_changes", {"changes": PROPOSED}))
        refused = [await assistant.call_tool(tool, given) for tool, given, _ in WRONG]

    assert sorted(tool.name for tool in tools) == TOOLS
    reading = {tool.name for tool in tools if tool.annotations and tool.annotations.read_only_hint}
    assert set(TOOLS) - reading == {"propose_changes"}
    assert all(tool.title and tool.description for tool in tools)
    assert "guide/stringing" in [item["ref"] for item in found["items"]]
    assert entry["title"] == "Stringing and oozing"
    assert computed["lines"][0]["new"] == ["215"]
    assert now["connected"] is False
    assert [(one["key"], one["verdict"]) for one in proposed["lines"]] == [
        ("brim_width", "accepted"),
        ("nozzle_temperature", "refused"),
        ("launch_rocket", "refused"),
    ]
    assert [answer.is_error for answer in refused] == [True] * len(WRONG)
    told = [_text(answer) for answer in refused]
    assert [said for (_, _, said), text in zip(WRONG, told, strict=True) if said not in text] == []
    assert "Traceback" not in "".join(told)


@pytest.mark.slow
async def test_the_command_speaks_over_its_own_stdin_and_stdout(served: Served) -> None:
    folder = served.settings.data_dir
    port = served.settings.port
    runfile.write(
        folder,
        RunningAgent(served.url, port, os.getpid(), served.token, rfc3339(system_clock()), "1"),
    )
    parameters = StdioServerParameters(
        command=sys.executable,
        args=["-m", "agent", "mcp", "--data-dir", str(folder)],
        cwd=Path(__file__).parents[3],
    )
    async with Client(parameters) as client:
        tools = (await client.list_tools()).tools
        entry = _json(await client.call_tool("read_guide", {"ref": "guide/warping"}))

    assert sorted(tool.name for tool in tools) == TOOLS
    assert entry["ref"] == "guide/warping"


def test_what_a_clone_installs_to_run_has_what_the_command_needs() -> None:
    lock = (Path(__file__).parents[3] / "requirements.lock").read_text("utf-8")

    assert re.findall(r"(?m)^mcp==", lock) == ["mcp=="]


def test_an_environment_without_it_is_told_what_works(tmp_path: Path) -> None:
    (tmp_path / "mcp.py").write_text("raise ModuleNotFoundError(name='mcp')\n", "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "agent", "mcp", "--data-dir", str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert "`make setup`" in " ".join(done.stderr.split())
