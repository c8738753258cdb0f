"""`orca-agent serve`: one agent per data folder, from its lock to its last word."""

import asyncio
import logging
import threading
from contextlib import suppress
from pathlib import Path

import typer
from filelock import FileLock, Timeout

from agent import ports
from agent.program import Program
from agent.settings import Settings
from agent.shared import folders
from agent.shared.connections import loop_factory
from agent.shared.logs import logging_to
from agent.shared.standard_output import Unsaid
from agent.terminal import show

LOCK_NAME = "agent.lock"
STARTING_S = 10.0
TOLD_AT = 2  # the third try: who starts two at once need not hear of it

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
        return _refuse(folders.unusable(settings.data_dir, err), 2)
    try:
        with logging_to(settings.log_dir, settings.log_level):
            return _serve_alone(settings, browser=browser)
    except OSError as err:
        return _refuse(f"The agent cannot start: {err.strerror or err}.", 1)
    finally:
        lock.release()


def _serve_alone(settings: Settings, *, browser: bool) -> int:
    bound = ports.bind(settings.port)
    if text := folders.data_dir_warning(settings.data_dir):
        log.warning(text)
    if bound.notice:
        log.warning(bound.notice)
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        try:
            code = runner.run(Program(settings, bound, browser=browser).run())
        except Exception:  # the outermost loop of the program
            log.critical("The agent stopped by a mistake of its own.", exc_info=True)
            return 1
    if not code:
        with suppress(OSError, Unsaid):  # the terminal may have gone first
            typer.echo("The agent has ended.")
    return code


def _hand_out_link(data_dir: Path, *, browser: bool) -> int:
    """The folder is in use: the agent there has a link, now or in a moment."""
    from agent.client.problems import ClientProblem, NotRunning  # slow import
    from agent.client.sync import Agent as Client  # slow import

    for tries in range(round(STARTING_S / 0.2)):
        if tries == TOLD_AT:
            typer.echo(f"Waiting for the agent that uses {data_dir} to answer.", err=True)
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
