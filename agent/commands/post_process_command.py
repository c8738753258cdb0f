"""orca-agent post-process, as the command line shows it. The plain call does not come by here:
the program runs it before it knows of any command."""

from pathlib import Path
from typing import Annotated

import typer

from agent.commands.post_process import run
from agent.shared.folders import data_dir as data_dir_in_force
from agent.terminal import DataDir


def post_process(
    file: Annotated[Path, typer.Argument(help="The G-code that the slicer exports.")],
    *,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Stop the export on a blocking finding of the quick checks."),
    ] = False,
    data_dir: DataDir = None,
) -> None:
    """Tell the agent of a file, from the slicer's field Post-processing scripts.

    It changes nothing, waits a second at the most, and succeeds whether an agent runs or not.
    With --strict a blocking finding ends with exit code 1 and the reason on stderr, which makes
    the slicer stop the export. It makes the quick checks only: those of every move are made by
    inspect --full, or by the agent.

    Example, as one line of OrcaSlicer's process settings:

        orca-agent post-process --strict
    """
    folder = str(data_dir_in_force(data_dir))
    raise typer.Exit(run(str(file), strict=strict, data_dir=folder))
