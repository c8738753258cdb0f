"""`python -m agent` and the command `orca-agent`."""

import typer

from agent.cli import app
from agent.client.problems import ClientProblem, NotRunning
from agent.terminal import clean, hint


def main() -> None:
    """Runs the command line. Exit codes: 0 done, 1 something is wrong, 2 bad usage or settings."""
    try:
        app(prog_name="orca-agent")
    except (ClientProblem, NotRunning) as err:
        typer.echo(clean(hint(str(err))), err=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
