"""`python -m agent` and the command `orca-agent`."""

import sys

import typer

from agent.cli import app
from agent.client.problems import ClientProblem, NotRunning
from agent.images.decoders import WORKER_FLAG
from agent.terminal import clean, hint


def main() -> None:
    """Runs the command line. Exit codes: 0 done, 1 something is wrong, 2 bad usage or settings."""
    if sys.argv[1:] == [WORKER_FLAG]:  # a packaged program can start nothing but itself
        from agent.images import worker  # slow import

        return worker.main()
    try:
        app(prog_name="orca-agent")
    except (ClientProblem, NotRunning) as err:
        typer.echo(clean(hint(str(err))), err=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
