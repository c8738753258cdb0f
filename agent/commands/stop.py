"""orca-agent stop"""

import os
import signal
import sys
import time

import psutil
import typer

from agent.runfile import find_agent
from agent.shared.folders import data_dir as data_dir_in_force
from agent.terminal import DataDir, fail

PATIENCE_S = 10.0


def stop(*, data_dir: DataDir = None) -> None:
    """End the agent. Running answers are kept as far as they have come.

    Example:

        orca-agent stop
    """
    agent = find_agent(data_dir_in_force(data_dir))
    if agent is None:
        typer.echo("No agent runs.")
        return
    try:
        process = psutil.Process(agent.pid)
        if sys.platform == "win32":
            # There is no gentle signal for another console's process; the database stands it.
            process.terminate()
        else:
            os.kill(agent.pid, signal.SIGTERM)
        _wait_for(process)
    except (psutil.NoSuchProcess, ProcessLookupError):
        pass
    except (psutil.AccessDenied, PermissionError):
        raise fail(f"The agent (process {agent.pid}) belongs to another user.") from None
    except TimeoutError:
        raise fail(f"The agent (process {agent.pid}) did not end in {PATIENCE_S:.0f} s.") from None
    typer.echo("The agent has ended.")


def _wait_for(process: psutil.Process) -> None:
    """Raises TimeoutError. A process whose parent has not noticed yet has ended, too."""
    gives_up_at = time.monotonic() + PATIENCE_S
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > gives_up_at:
            raise TimeoutError
        time.sleep(0.02)
