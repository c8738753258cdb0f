"""The API's description says something useful about every route."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.house.tree import ROOT
from tests.serving import running_agent

Operation = dict[str, Any]  # Any: OpenAPI
SUMMARY_CHARACTERS = 100
OTHERS = ("/v1/", "/ollama", "/printhost")


@pytest.fixture
async def operations(tmp_path: Path) -> dict[str, Operation]:
    async with running_agent(tmp_path) as served:
        document = (await served.client.get("/openapi.json")).json()
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


async def test_every_route_says_in_a_sentence_what_it_does(
    operations: dict[str, Operation],
) -> None:
    summaries = {name: str(one.get("summary", "")) for name, one in operations.items()}

    assert len(summaries) > 30
    assert {
        name: text
        for name, text in summaries.items()
        if not text.endswith(".") or len(text) > SUMMARY_CHARACTERS
    } == {}


async def test_every_route_says_what_it_answers(operations: dict[str, Operation]) -> None:
    silent = {
        name
        for name, operation in operations.items()
        for status, answer in operation["responses"].items()
        if status == "200" and "content" not in answer
    }

    assert silent == set()


async def test_every_route_names_the_problem_document(operations: dict[str, Operation]) -> None:
    """But those in other people's words, which have errors of their own."""
    unnamed = {
        name
        for name, operation in operations.items()
        if "application/problem+json" not in operation["responses"]["default"]["content"]
    }
    others = {name for name in operations if name.split(" ")[1].startswith(OTHERS)}

    assert len(others) > 10
    assert unnamed == others


async def test_every_operation_has_an_id_of_its_own(operations: dict[str, Operation]) -> None:
    ids = [operation["operationId"] for operation in operations.values()]

    assert len(set(ids)) == len(ids)


@pytest.mark.slow
@pytest.mark.timeout(60)
def test_the_description_is_written_alike_on_every_machine(tmp_path: Path) -> None:
    machines = (
        {"ORCA_AGENT_PORT": "1999", "PYTHONHASHSEED": "1"},
        {"ORCA_AGENT_DATA_DIR": str(tmp_path / "data"), "PYTHONHASHSEED": "2"},
    )

    for number, machine in enumerate(machines):
        subprocess.run(
            [sys.executable, "packaging/openapi_document.py", "agent", tmp_path / str(number)],
            cwd=ROOT,
            env={**os.environ, **machine},
            check=True,
        )

    one, other = ((tmp_path / str(number)).read_bytes() for number in range(2))
    assert one == other
    assert str(tmp_path).encode() not in one
    assert not (tmp_path / "data").exists()
