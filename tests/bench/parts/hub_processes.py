"""The hub as a process of its own, with a PostgreSQL and a Redis of the same machine."""

import contextlib
import secrets
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.bench.connection import BenchError, Connection
from tests.bench.processes import Process, environ, free_port, spawn, until_answers
from tests.hub.postgres import binaries, postgres
from tests.hub.redis import program, redis

NAME, PASSWORD = "ada", "four words make one"
LIVE, READY = "/api/v1/health/live", "/api/v1/health/ready"
RATES = ("USER", "KEY", "ADDRESS")


@contextlib.contextmanager
def servers() -> Iterator[dict[str, str]]:
    """What the environment says of both, for as long as the block lasts."""
    if binaries() is None or program() is None:
        raise BenchError("PostgreSQL or Redis is not installed")
    with postgres() as database, redis() as shared:
        yield {
            "ORCA_HUB_DATABASE_URL": database.new_database(),
            "ORCA_HUB_REDIS_URL": f"{shared.url}0",
            "ORCA_HUB_SECRET_KEY": secrets.token_urlsafe(48),
            "ORCA_HUB_LOG_LEVEL": "warning",
            # Counted as always, and never reached.
            **{f"ORCA_HUB_RATE_PER_{one}": "100000000/minute" for one in RATES},
        }


@dataclass(frozen=True, slots=True)
class Hub:
    """With an Administrator, and a token of a program of hers."""

    process: Process
    url: str
    token: str


def command(*words: str) -> list[str]:
    """`orca-hub` where that is installed, else the same as a module."""
    script = Path(sys.executable).with_name("orca-hub")
    return [*([str(script)] if script.exists() else [sys.executable, "-m", "hub"]), *words]


def begun(folder: Path, data_dir: Path, environment: dict[str, str], port: int) -> Process:
    """Has been started, and does not answer yet."""
    env = environ(**environment, ORCA_HUB_DATA_DIR=str(data_dir), ORCA_HUB_PORT=str(port))
    return spawn("the hub", command("serve"), folder / "hub.log", env)


def add_user(folder: Path, data_dir: Path, environment: dict[str, str]) -> None:
    env = environ(**environment, ORCA_HUB_DATA_DIR=str(data_dir))
    words = ("user", "add", NAME, "--role", "administrator", "--password-stdin")
    process = spawn("user add", command(*words), folder / "hub.log", env)
    process.popen.communicate(PASSWORD.encode() + b"\n", timeout=60)
    if process.popen.returncode:
        raise BenchError(f"no account could be added, see {folder / 'hub.log'}")


@contextlib.asynccontextmanager
async def orca_hub(folder: Path, environment: dict[str, str]) -> AsyncIterator[Hub]:
    """The hub with an account, for as long as the block lasts."""
    data_dir, port = folder / "hub", free_port()
    add_user(folder, data_dir, environment)
    process = begun(folder, data_dir, environment, port)
    url = f"http://127.0.0.1:{port}"
    try:
        await until_answers(process, url, READY, 30)
        connection = await Connection.open(url)
        asked = {"username": NAME, "password": PASSWORD}
        answer = await connection.fetch("POST", "/api/v1/auth/login", asked)
        connection.close()
        if answer.status != 200:
            raise BenchError(f"nobody can sign in: {answer.body!r}")
        yield Hub(process, url, str(answer.json()["access_token"]))
    finally:
        process.stop()
