"""Sliced files that come in: kept, read, listed, thrown away."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.agent.slicer.sending import CUBE
from tests.serving import Served, running_agent

FILES = "/api/v1/slicer/files"


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    async with running_agent(tmp_path_factory.mktemp("agent") / "data") as one:
        yield one


async def sent(served: Served, data: bytes = CUBE, name: str = "cube.gcode") -> dict[str, Any]:
    """Any: JSON."""
    answer = await served.client.post(FILES, files={"file": (name, data)})
    assert answer.status_code == 201, answer.text
    told: dict[str, Any] = answer.json()
    return told


def on_disk(served: Served) -> set[str]:
    folder: Path = served.settings.slicer_dir
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


async def test_a_file_is_kept_and_says_what_it_is(served: Served) -> None:
    told = await sent(served)

    path = served.settings.slicer_dir / f"{told['id']}.gcode"
    assert path.read_bytes() == CUBE
    assert {key: told[key] for key in ("name", "kind", "size_bytes", "sha256", "layers")} == {
        "name": "cube.gcode",
        "kind": "gcode",
        "size_bytes": len(CUBE),
        "sha256": hashlib.sha256(CUBE).hexdigest(),
        "layers": 2,
    }
    assert (told["generator"], told["printer"]) == ("OrcaSlicer 2.3.1", "My printer")
    assert (told["estimated_seconds"], told["filament_grams"]) == (3723, [3.68])
    assert told["settings"]["layer_height"] == "0.2"
