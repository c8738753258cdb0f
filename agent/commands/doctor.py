"""orca-agent doctor"""

import json

import typer

from agent.shared.folders import data_dir as data_dir_in_force
from agent.terminal import AsJson, DataDir, clean, hint

SIGNS = {"good": ("✓", "green"), "warning": ("!", "yellow"), "wrong": ("✗", "red")}
TOLD = ("name", "state", "text", "fix")


def doctor(*, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Check the agent and everything around it, and say how to put right what is not.

    ✓ is well, ! could be better, ✗ is wrong. Exit code 1 if anything is wrong (✗), else 0.

    Example:

        orca-agent doctor --json
    """
    from agent.commands.check import State  # slow import
    from agent.commands.checks import examine  # slow import

    found = []
    for check in examine(data_dir_in_force(data_dir)):
        found.append(check)
        if not as_json:
            sign, colour = SIGNS[check.state]
            head = typer.style(sign, fg=colour)
            typer.echo(f"{head} {check.name:<12} {clean(check.text)}")
            if check.fix:
                typer.echo(f"  {'':<12} → {clean(hint(check.fix))}")
    if as_json:
        told = [{name: getattr(check, name) for name in TOLD} for check in found]
        typer.echo(json.dumps(told, indent=2, ensure_ascii=False))
    raise typer.Exit(1 if any(check.state is State.WRONG for check in found) else 0)
