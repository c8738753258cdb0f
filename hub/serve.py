"""`orca-hub serve` and `orca-hub worker`: from the first line of the log to the last word."""

import asyncio
import logging
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import typer
from filelock import FileLock, Timeout

from agent.shared import folders, garbage
from agent.shared.connections import Connections, loop_factory, server_config
from agent.shared.errors import OrcaError
from agent.shared.logs import logging_json, logging_to
from agent.shared.tasks import running
from hub.app import Hub, open_hub
from hub.operation.proxies import BehindProxies
from hub.settings import Settings

BACKLOG = 512
LOCK_NAME, LOG_NAME = "hub.lock", "hub.log"
Run = Callable[[asyncio.Event], Coroutine[Any, Any, None]]  # Any: of typeshed

log = logging.getLogger(__name__)


class Refused(Exception):
    """One sentence for the person who started it."""


def serve(settings: Settings) -> int:
    """Runs the hub until it is told to end. Answers the exit code."""
    try:
        check_safe(settings)
        with alone(settings), _listening(settings) as listener, _logging(settings):
            bound = settings.model_copy(update={"port": int(listener.getsockname()[1])})
            code = _run(lambda stop: _serve(bound, listener, stop))
    except Refused as err:
        typer.echo(str(err), err=True)
        return 1
    if not code:
        typer.echo("The hub has ended.")
    return code


def work(settings: Settings, *, at_once: int | None) -> int:
    """Does background jobs until it is told to end. Answers the exit code."""
    if settings.redis_url is None or settings.database_url is None:
        typer.echo(
            "A worker needs ORCA_HUB_DATABASE_URL and ORCA_HUB_REDIS_URL, the same as the hub's. "
            "Without them the hub does its jobs itself.",
            err=True,
        )
        return 1
    with _logging(settings):
        code = _run(lambda stop: _work(settings, at_once or settings.jobs_at_once, stop))
    if not code:
        typer.echo("The worker has ended.")
    return code


def check_safe(settings: Settings) -> None:
    """Raises Refused where passwords would cross a network in plain text."""
    if settings.proxies or is_loopback(settings.host):
        return
    raise Refused(
        f"The hub does not listen on {settings.host} without TLS: put a proxy with TLS before it "
        "and say so with ORCA_HUB_PROXIES=1, or listen on 127.0.0.1."
    )


def at_start(err: OrcaError) -> str:
    """The sentence of an error for a program that does not go on: nothing is tried again."""
    if err.code == "database-away":
        return (
            "The database does not answer. Look whether the server runs and lets the hub in, and "
            "at its address."
        )
    return err.detail


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


@contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """One process for one SQLite file; any number for PostgreSQL. Raises Refused."""
    if settings.database_url is not None:
        yield
        return
    try:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = FileLock(settings.data_dir / LOCK_NAME, timeout=0, mode=0o600)
        lock.acquire()
    except Timeout:
        raise Refused(
            f"A hub uses the data folder {settings.data_dir} already. Stop it first; several at "
            "the same time need PostgreSQL (ORCA_HUB_DATABASE_URL)."
        ) from None
    except OSError as err:
        elsewhere = "ORCA_HUB_DATA_DIR"
        raise Refused(folders.unusable(settings.data_dir, err, elsewhere=elsewhere)) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listener = socket.create_server(
            (settings.host.strip("[]"), settings.port), family=family, backlog=BACKLOG
        )
    except OSError as err:
        raise Refused(
            f"Port {settings.port} of {settings.host} cannot be used: {err.strerror}."
        ) from None
    with listener:
        yield listener


def _run(run: Run) -> int:
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            runner.run(_until_told(run))
    except OrcaError as err:
        log.error("the hub cannot start: %s", at_start(err))
        return 1
    except Exception:  # the outermost loop of the program
        log.critical("the hub stopped by a mistake of its own", exc_info=True)
        return 1
    return 0


async def _until_told(run: Run) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for name in ("SIGTERM", "SIGINT"):
        try:
            loop.add_signal_handler(getattr(signal, name), stop.set)
        except NotImplementedError:  # Windows
            signal.signal(getattr(signal, name), lambda *_: loop.call_soon_threadsafe(stop.set))
    await run(stop)


async def _serve(settings: Settings, listener: socket.socket, stop: asyncio.Event) -> None:
    async with open_hub(settings) as hub:
        garbage.resume()
        async with serving(hub, settings, listener):
            typer.echo(f"The hub serves {settings.origin}")
            log.info("the hub serves %s", settings.origin)
            if not (settings.is_secure or is_loopback(urlsplit(settings.origin).hostname or "")):
                log.warning(
                    "passwords and sessions cross the network in plain text: see the doctor"
                )
            if link := await hub.first_link():
                typer.echo(f"Make the first Administrator, once:  {link}")
            await stop.wait()
            log.info("ending")


@asynccontextmanager
async def serving(hub: Hub, settings: Settings, listener: socket.socket) -> AsyncIterator[None]:
    """It answers for as long as the block lasts, and ends its streams and connections then."""
    app = BehindProxies(hub.app, settings.proxies)
    connections = Connections(app, server_config(), refuse=_nobody_waits)
    server = await asyncio.start_server(connections.serve, sock=listener, backlog=BACKLOG)
    try:
        yield
    finally:
        server.close()
        await connections.end(hub.end_streams)


async def _work(settings: Settings, at_once: int, stop: asyncio.Event) -> None:
    async with open_hub(settings, kind="worker") as hub:
        garbage.resume()
        if hub.jobs.by_redis is None:
            return
        async with running(listen=hub.jobs.by_redis.listen(at_once)):
            typer.echo(f"The worker does {at_once} jobs at a time.")
            await stop.wait()
            log.info("ending")


def _nobody_waits() -> None:
    """Nothing waits within the hub for its program."""


@contextmanager
def _logging(settings: Settings) -> Iterator[Path]:
    """People see warnings; programs that collect logs get every line."""
    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder = settings.data_dir / "logs"
    if sys.stdout.isatty():
        with logging_to(folder, settings.log_level, name=LOG_NAME) as file:
            yield file
    else:
        level = settings.log_level
        with logging_json(folder, level, stream=sys.stdout, name=LOG_NAME) as file:
            yield file
