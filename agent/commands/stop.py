"""orca-agent stop"""

import time

import psutil
import typer

from agent import runfile
from agent.client.problems import AgentError
from agent.runfile import RunningAgent
from agent.shared.folders import data_dir as data_dir_in_force
from agent.terminal import DataDir, fail

PATIENCE_S = 10.0
ASK_S = 5.0


def stop(*, data_dir: DataDir = None) -> None:
    """End the agent. Running answers are kept as far as they have come.

    Example:

        orca-agent stop
    """
    folder = data_dir_in_force(data_dir)
    agent = runfile.find_process(folder)
    if agent is None:
        typer.echo("No agent runs.")
        return
    try:
        process = psutil.Process(agent.pid)
        if not _is_asked(agent):
            # On Windows this is no gentle signal, but the end; the database stands it.
            process.terminate()
        _wait_for(process)
    except psutil.NoSuchProcess:
        pass
    except psutil.AccessDenied:
        raise fail(f"The agent (process {agent.pid}) belongs to another user.") from None
    except TimeoutError:
        raise fail(
            f"The agent (process {agent.pid}) was told to end, and is still there after "
            f"{PATIENCE_S:.0f} s. End the process; what it has acknowledged is safe."
        ) from None
    runfile.remove(folder, agent.pid)  # one that had no time for it looks like one that crashed
    typer.echo("The agent has ended.")


def _is_asked(agent: RunningAgent) -> bool:
    """Whether it said that it will end by itself."""
    from agent.client.sync import Agent  # slow import

    try:
        with Agent(agent.url, agent.token, timeout=ASK_S, retry_for=0.0) as client:
            client.call("POST", "/stop")
    except AgentError:
        return False
    return True


def _wait_for(process: psutil.Process) -> None:
    """Raises TimeoutError. A process whose parent has not noticed yet has ended, too."""
    gives_up_at = time.monotonic() + PATIENCE_S
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > gives_up_at:
            raise TimeoutError
        time.sleep(0.02)
