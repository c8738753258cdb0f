"""`python -m agent` and the command `orca-agent`."""

import sys

from agent.commands.post_process import asked_plainly, run

# A packaged program can start nothing but itself. These are the flags of those who start it, told
# here again because to import them takes longer than `--help`.
PICTURES_FLAG, MOVES_FLAG = "--decode-pictures", "--look-at-moves"


def main() -> None:
    """Runs the command line. Exit codes: 0 done, 1 something is wrong, 2 bad usage or settings."""
    if plain := asked_plainly(sys.argv[1:]):  # a slicer waits: nothing else is imported
        file, strict = plain
        raise SystemExit(run(file, strict=strict))
    whole()


def whole() -> None:
    """Everything but the call that a slicer waits for."""
    if sys.argv[1:] == [PICTURES_FLAG]:
        from agent.images import worker  # slow import

        return worker.main()
    if sys.argv[1:2] == [MOVES_FLAG]:
        from agent.slicer.gcode import worker as moves_worker  # slow import

        return moves_worker.main()
    import typer  # slow import

    from agent.cli import app  # slow import
    from agent.client.problems import ClientProblem, NotRunning  # slow import
    from agent.terminal import clean, hint  # slow import

    try:
        app(prog_name="orca-agent")
    except (ClientProblem, NotRunning) as err:
        typer.echo(clean(hint(str(err))), err=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
