"""`orca-agent serve`: one agent per data folder, from its lock to its last word."""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

import typer
from filelock import FileLock, Timeout

from agent import ports, runfile
from agent.app import Agent, open_agent
from agent.runfile import RunningAgent
from agent.server import Server, loop_factory
from agent.settings import Settings
from agent.shared import folders
from agent.shared.clock import rfc3339, system_clock
from agent.shared.errors import OrcaError
from agent.shared.logs import logging_to
from agent.shared.tasks import running
from agent.terminal import clean, has_display, program, show
from agent.version import program_version

LOCK_NAME = "agent.lock"
STARTING_S = 10.0
LOOK_S = 2.0

log = logging.getLogger(__name__)


def serve(settings: Settings, *, browser: bool) -> int:
    """Runs the agent until it is told to end, or hands out the link of the one that runs.

    Answers the exit code."""
    try:
        folders.prepare(settings.data_dir)
        lock = FileLock(settings.data_dir / LOCK_NAME, timeout=0, mode=0o600)
        lock.acquire()
    except Timeout:
        return _hand_out_link(settings.data_dir, browser=browser)
    except OSError as err:
        return _refuse(f"The data folder {settings.data_dir} cannot be used: {err.strerror}.", 2)
    try:
        with logging_to(settings.log_dir, settings.log_level):
            return _serve_alone(settings, browser=browser)
    except OSError as err:
        return _refuse(f"The agent cannot start: {err.strerror or err}.", 1)
    finally:
        lock.release()


def _serve_alone(settings: Settings, *, browser: bool) -> int:
    bound = ports.bind(settings.port)
    settings = settings.model_copy(update={"port": bound.port})
    if text := folders.data_dir_warning(settings.data_dir):
        log.warning(text)
    if bound.notice:
        log.warning(bound.notice)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        try:
            runner.run(_run(settings, bound, browser=browser))
        except OrcaError as err:
            log.error("the agent cannot start: %s", err.detail)
            return 1
        except Exception:  # the outermost loop of the program
            log.critical("The agent stopped by a mistake of its own.", exc_info=True)
            return 1
    with suppress(OSError):  # the terminal may have gone first
        typer.echo("The agent has ended.")
    return 0


async def _run(settings: Settings, bound: ports.Bound, *, browser: bool) -> None:
    stop = _stop_event(partial(runfile.remove, settings.data_dir, os.getpid()))
    async with open_agent(settings) as agent:
        server = Server(agent.app, bound.listener)
        async with running(server=server.run()):
            await server.answers()
            runfile.write(settings.data_dir, _run_file(settings, bound.port))
            log.info("serving on port %d, process %d", bound.port, os.getpid())
            try:
                await _announce(agent, settings, browser=browser)
                await stop.wait()
            finally:
                runfile.remove(settings.data_dir, os.getpid())
            log.info("ending")
            await server.close(agent.end_streams)
    log.info("ended")


def _stop_event(before_dying: Callable[[], None]) -> asyncio.Event:
    """Set by the first request to end; the second one ends the process at once."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()

    def end(number: int) -> None:
        if stop.is_set():
            before_dying()
            os._exit(128 + number)  # what was answered is on the disk already
        stop.set()

    for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGBREAK"):
        number = getattr(signal, name, None)
        if number is None:
            continue
        try:
            loop.add_signal_handler(number, end, number)
        except NotImplementedError:  # Windows
            signal.signal(number, lambda n, _frame: loop.call_soon_threadsafe(end, n))
    return stop


def _run_file(settings: Settings, port: int) -> RunningAgent:
    return RunningAgent(
        url=f"http://{ports.HOST}:{port}",
        port=port,
        pid=os.getpid(),
        token=runfile.read_token(settings.data_dir) or "",
        started_at=rfc3339(system_clock()),
        version=program_version(),
    )


async def _announce(agent: Agent, settings: Settings, *, browser: bool) -> None:
    typer.echo(f"Orca Agents {program_version()} runs. Only this computer can reach it.")
    typer.echo(f"Open:  {await agent.new_link()}")
    typer.echo(f"       (opens once, within a minute; `{program()} url` makes another)")
    typer.echo(f"Data:  {settings.data_dir}")
    typer.echo(f"End:   Ctrl-C, or `{program()} stop`")
    if browser and has_display(os.environ):
        show(await agent.new_link())
    with suppress(TimeoutError):
        async with asyncio.timeout(LOOK_S):
            await agent.backend.until(lambda state: state.state != "unknown")
    typer.echo(f"Model: {clean(agent.default_model() or 'none yet, the guide answers')}")


def _hand_out_link(data_dir: Path, *, browser: bool) -> int:
    """The folder is in use: the agent there has a link, now or in a moment."""
    from agent.client.problems import ClientProblem, NotRunning  # slow import
    from agent.client.sync import Agent as Client  # slow import

    for _ in range(round(STARTING_S / 0.2)):
        with suppress(NotRunning), Client.local(data_dir) as client:
            try:
                link = client.ticket()
            except ClientProblem as problem:
                return _refuse(f"The agent runs already, but gives no link: {problem}", 1)
            typer.echo("The agent runs already.")
            typer.echo(f"Open:  {link}")
            if browser:
                show(link)
            return 0
        threading.Event().wait(0.2)
    return _refuse(f"Another process uses the data folder {data_dir}, and does not answer.", 1)


def _refuse(sentence: str, code: int) -> int:
    typer.echo(sentence, err=True)
    return code
