"""The fake Ollama runs beside a browser or a benchmark, and ends with whoever started it."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parent.parent.parent


WAYS = ["stdin", "signal", pytest.param("time", marks=pytest.mark.slow)]


@pytest.mark.parametrize("way", WAYS)
def test_it_runs_as_a_process_that_is_told_what_to_do(way: str) -> None:
    arguments = ["--port", "0", "--model", "qwen3:4b=tools"]
    arguments += ["--seconds", "5"] if way == "time" else []
    with subprocess.Popen(
        [sys.executable, "-m", "tests.fakes.ollama", *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        url = process.stdout.readline().decode().strip()
        with httpx.Client(base_url=url) as client:
            told = client.post("/__behave", json={"path": "/api/version", "status": 500})
            refused = client.post("/__behave", json={"nonsense": 1})
            version = client.get("/api/version")
            stats = client.get("/__stats").json()
        if way == "stdin":
            process.stdin.close()
        elif way == "signal":
            process.terminate()
        code = process.wait(30)

    assert [told.status_code, refused.status_code, version.status_code] == [200, 400, 500]
    assert (stats["requests"], stats["closed_early"]) == (1, 0)
    assert code == 0
