"""orca-agent support"""

import os
from pathlib import Path
from typing import Annotated

import typer

from agent.runfile import find_agent
from agent.shared.command_line import echo_data
from agent.shared.folders import data_dir as data_dir_in_force
from agent.terminal import DataDir, clean, fail


def support(
    *,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Write it to a file.", show_default="-")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Write a report for those who help: versions, checks, and the latest warnings of the log.

    No key, no conversation, and no name of yours, your files or printers. Read it before you send
    it. Works also while no agent runs.

    Example:

        orca-agent support -o report.md
    """
    folder = data_dir_in_force(data_dir)
    text = _by_the_agent(folder) if find_agent(folder) else _here(folder)
    if output is None:
        echo_data("\n".join(clean(line) for line in text.splitlines()))
        return
    try:
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.write(text)
    except OSError as err:
        raise fail(f"{output} cannot be written: {err.strerror}.") from None
    typer.echo(clean(f"The report is in {output}. Read it before you send it."))


def _by_the_agent(folder: Path) -> str:
    from agent.client.sync import Agent  # slow import

    with Agent.local(folder) as agent:
        return str(agent.json("GET", "/support-report", timeout=60)["text"])


def _here(folder: Path) -> str:
    from agent.commands.reporting import report_of  # slow import
    from agent.shared.clock import rfc3339, system_clock  # slow import
    from agent.support.report import Facts  # slow import
    from agent.version import program_version  # slow import

    return report_of(folder, Facts(program_version(), rfc3339(system_clock())))
