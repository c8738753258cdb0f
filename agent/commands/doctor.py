"""orca-agent doctor"""

import typer

from agent.shared.folders import data_dir as data_dir_in_force
from agent.terminal import AsJson, DataDir, hint


def doctor(*, as_json: AsJson = False, data_dir: DataDir = None) -> None:
    """Check the agent and everything around it, and say how to put right what is not.

    ✓ is well, ! could be better, ✗ is wrong. Exit code 1 if anything is wrong (✗), else 0.

    Example:

        orca-agent doctor --json
    """
    from agent.commands.checks import examine  # slow import
    from agent.shared import findings  # slow import

    found = []
    for check in examine(data_dir_in_force(data_dir)):
        found.append(check)
        if not as_json:
            findings.show(check, hint(check.fix))
    raise typer.Exit(findings.end(found, as_json=as_json))
