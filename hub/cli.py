"""The command line of the hub."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

import typer

from agent.shared import garbage
from agent.shared.errors import OrcaError
from hub.settings import BadSettings, Settings, load

app = typer.Typer(
    name="orca-hub",
    help="The team server of Orca Agents.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
user = typer.Typer(help="Accounts, without a browser.", no_args_is_help=True)
app.add_typer(user, name="user")
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]


@app.command()
def serve() -> None:
    """Run the hub. The first start prints a link that makes the first Administrator."""
    with garbage.resting():
        from hub.serve import serve as run  # slow import

        raise typer.Exit(run(_settings()))


@app.command()
def worker(
    at_once: Annotated[
        int | None, typer.Option(min=1, max=100, help="Jobs at a time (setting jobs_at_once).")
    ] = None,
) -> None:
    """Do background jobs; start as many as you like. Needs PostgreSQL and Redis."""
    with garbage.resting():
        from hub.serve import work  # slow import

        raise typer.Exit(work(_settings(), at_once=at_once))


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
        typer.echo(await run(_settings(), down=down))

    _do(work)


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

    raise typer.Exit(run(_settings(), to))


@user.command()
def add(
    name: str,
    *,
    role: Annotated[
        Literal["administrator", "user"], typer.Option(help="What it may do.")
    ] = "user",
    password_stdin: PasswordStdin = False,
) -> None:
    """Add an account.

    Example:

        orca-hub user add ada --role administrator --password-stdin < password.txt
    """
    from hub.app import open_hub  # slow import
    from hub.identity.service import NewAccount  # slow import

    password = _password(stdin=password_stdin)

    async def work() -> None:
        async with open_hub(_settings(), kind="command") as hub:
            is_first = role == "administrator"
            await hub.local.add(NewAccount(name, password, role, is_break_glass=is_first))

    _do(work)
    typer.echo(f"{name} may sign in.")


@user.command()
def reset(name: str, *, password_stdin: PasswordStdin = False) -> None:
    """Give somebody another password, and end all sessions and one-time codes."""
    from hub.app import open_hub  # slow import

    password = _password(stdin=password_stdin)

    async def work() -> None:
        async with open_hub(_settings(), kind="command") as hub:
            await hub.local.reset_password(await hub.users.named(name.casefold()), password)

    _do(work)
    typer.echo(f"{name} may sign in with the new password, and chooses another one then.")


@user.command("list")
def list_() -> None:
    """List the accounts."""
    from hub.app import open_hub  # slow import

    async def work() -> None:
        async with open_hub(_settings(), kind="command") as hub:
            rows = await hub.users.found("", None, 10_000)
            if not rows:
                typer.echo("There is no account yet: see the link that `orca-hub serve` prints.")
            for row in rows:
                state = "" if row["is_active"] else ", switched off"
                typer.echo(f"{row['name']}  {row['role']}{state}")

    _do(work)


def _password(*, stdin: bool) -> str:
    if stdin:
        return sys.stdin.readline().rstrip("\r\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))


def _settings() -> Settings:
    try:
        return load()
    except BadSettings as err:
        typer.echo(str(err), err=True)
        raise typer.Exit(2) from None


def _do(work: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await work()

    try:
        asyncio.run(run())
    except OrcaError as err:
        from hub.serve import at_start  # slow import

        typer.echo(at_start(err), err=True)
        raise typer.Exit(1) from None
