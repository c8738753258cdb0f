"""The command line of the hub."""

from typing import Annotated

import typer

from agent.shared import garbage
from agent.shared.command_line import CommandLine, PlainGroup
from hub.commands.command import do, settings
from hub.commands.user import user

app = CommandLine(
    name="orca-hub",
    cls=PlainGroup,
    help="The team server of Orca Agents.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
app.add_typer(user, name="user")


@app.command()
def serve() -> None:
    """Run the hub. The first start prints a link that makes the first Administrator."""
    with garbage.resting():
        from hub.serve import serve as run  # slow import

        raise typer.Exit(run(settings()))


@app.command()
def worker(
    at_once: Annotated[
        int | None, typer.Option(min=1, max=100, help="Jobs at a time (setting jobs_at_once).")
    ] = None,
) -> None:
    """Do background jobs; start as many as you like. Needs PostgreSQL and Redis."""
    with garbage.resting():
        from hub.serve import work  # slow import

        raise typer.Exit(work(settings(), at_once=at_once))


@app.command()
def doctor(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Check the hub and all that it stands on, and say how to put right what is not.

    ✓ is well, ! could be better, ✗ is wrong. Exit code 1 if anything is wrong (✗), else 0.
    """
    from hub.commands.doctor import doctor as run  # slow import

    raise typer.Exit(run(as_json=as_json))


@app.command()
def migrate(
    down: Annotated[
        str | None,
        typer.Option(
            metavar="REVISION", help="Go back to this schema; what came with later ones is lost."
        ),
    ] = None,
) -> None:
    """Bring the database to the schema of this version, and leave.

    Stop every hub and worker before you go back, and make a backup.
    """
    from hub.commands.migrating import migrate as run  # slow import

    async def work() -> None:
        typer.echo(await run(settings(), down=down))

    do(work)


@app.command()
def move(
    to: Annotated[
        str,
        typer.Option(
            metavar="URL",
            envvar="ORCA_MOVE_TO",
            help="postgresql://user:password@host:port/name of an empty database.",
        ),
    ],
) -> None:
    """Copy everything from the SQLite file to PostgreSQL, and prove that it arrived.

    The hub must not run meanwhile. All of it is copied, or nothing; the file stays as it is.

    Example:

        orca-hub move --to postgresql://hub:secret@db.example.org/hub
    """
    from hub.commands.move import move as run  # slow import

    raise typer.Exit(run(settings(), to))
