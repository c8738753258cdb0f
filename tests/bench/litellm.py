"""The LiteLLM proxy, in an environment of its own outside the repository."""

import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from platformdirs import user_cache_path

from tests.bench.connection import BenchError
from tests.bench.processes import MODEL, Process, environ, find_uv, free_port, spawn, until_answers

REQUIREMENTS = Path(__file__).with_name("litellm-requirements.txt")
START_S = 120.0
CONFIG = """\
model_list:
  - model_name: bench
    litellm_params:
      model: ollama_chat/{model}
      api_base: {url}
litellm_settings:
  telemetry: false
"""


@dataclass(slots=True)
class LiteLLM:
    process: Process
    url: str


def version() -> str:
    """The one that the requirements pin."""
    for line in REQUIREMENTS.read_text("utf-8").splitlines():
        if line.startswith("litellm=="):
            return line.split("==")[1].split(";")[0].strip()
    raise BenchError(f"{REQUIREMENTS.name} pins no litellm")


def install() -> Path:
    """Makes the environment if it is not there yet; answers its folder. Raises BenchError."""
    folder = user_cache_path("orca-agents-bench") / f"litellm-{version()}"
    stamp = folder / ".installed"
    if stamp.exists() and stamp.read_text("utf-8") == REQUIREMENTS.read_text("utf-8"):
        return folder
    uv = find_uv()
    if uv is None:
        raise BenchError("LiteLLM needs uv for its environment, and there is none")
    print(f"installing LiteLLM {version()} (once; it takes a minute)", flush=True)
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    make = [uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(folder)]
    fill = [uv, "pip", "install", "--quiet", "--compile-bytecode", "--python", str(python)]
    for command in (make, [*fill, "-r", str(REQUIREMENTS)]):
        done = subprocess.run(command, env=environ(), capture_output=True, text=True, check=False)
        if done.returncode:
            raise BenchError(f"LiteLLM cannot be installed: {done.stderr.strip()[-300:]}")
    stamp.write_text(REQUIREMENTS.read_text("utf-8"), "utf-8")
    return folder


def start(environment: Path, folder: Path, ollama_url: str) -> LiteLLM:
    """Without database, telemetry, docs and key: the least that it can do for a request."""
    config, port = folder / "litellm.yaml", free_port()
    config.write_text(CONFIG.format(model=MODEL, url=ollama_url), "utf-8")
    scripts = environment / ("Scripts" if sys.platform == "win32" else "bin")
    command: list[object] = [scripts / "litellm", "--config", config, "--num_workers", 1]
    command += ["--host", "127.0.0.1", "--port", port, "--telemetry", "False"]
    env = environ(
        LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY="true",
        LITELLM_LOCAL_MODEL_COST_MAP="True",
        LITELLM_LOG="ERROR",
        LITELLM_MODE="PRODUCTION",
        LITELLM_TELEMETRY="False",
        NO_DOCS="True",
    )
    return LiteLLM(
        spawn("LiteLLM", command, folder / "litellm.log", env), f"http://127.0.0.1:{port}"
    )


@contextlib.asynccontextmanager
async def litellm_proxy(folder: Path, ollama_url: str) -> AsyncIterator[LiteLLM]:
    """The proxy as its own process, for as long as the block lasts. Raises BenchError."""
    proxy = start(install(), folder, ollama_url)
    try:
        await until_answers(proxy.process, proxy.url, "/health/liveliness", START_S)
        yield proxy
    finally:
        proxy.process.stop()
