"""orca-hub user: accounts, without a browser."""

from typing import Annotated, Any, Literal

import typer

from agent.shared.command_line import CommandLine, echo_data, read_piped
from hub.commands.command import do, settings

MOST = 10_000
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]
Row = dict[str, Any]  # Any: plain values

user = CommandLine(help="Accounts, without a browser.", no_args_is_help=True)


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
        async with open_hub(settings(), kind="command") as hub:
            is_first = role == "administrator"
            await hub.local.add(NewAccount(name, password, role, is_break_glass=is_first))

    do(work)
    typer.echo(f"{name} may sign in.")


@user.command()
def reset(
    name: str,
    *,
    link: Annotated[
        bool,
        typer.Option(
            "--link",
            help="Print a link with which its owner chooses a password, good once and for a day. "
            "Nothing ends until it is used.",
        ),
    ] = False,
    password_stdin: PasswordStdin = False,
) -> None:
    """Give somebody another password, and end all sessions and one-time codes.

    Example:

        orca-hub user reset ada --link
    """
    from hub.app import open_hub  # slow import

    if link and password_stdin:
        raise typer.BadParameter("Use --link or --password-stdin, not both.")
    password = "" if link else _password(stdin=password_stdin)
    said = f"{name} may sign in with the new password, and chooses another one then."

    async def work() -> None:
        nonlocal said
        async with open_hub(settings(), kind="command") as hub:
            account = await hub.users.named(name.casefold())
            if link:
                made = await hub.local.make_link(account)
                said = f"{hub.core.settings.origin}/reset#{made.secret}"
            else:
                await hub.local.reset_password(account, password)

    do(work)
    typer.echo(said)


@user.command("list")
def list_(
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """List the accounts: where each comes from, what it may do, and when it was last used."""
    from hub.app import open_hub  # slow import

    rows: list[Row] = []

    async def work() -> None:
        async with open_hub(settings(), kind="command") as hub:
            rows.extend(await _shown(hub))

    do(work)
    if as_json:
        import orjson  # slow import

        echo_data(orjson.dumps({"items": rows}, option=orjson.OPT_INDENT_2).decode())
        return
    if not rows:
        typer.echo("There is no account yet: see the link that `orca-hub serve` prints.")
    for line in _table(rows):
        typer.echo(line)


async def _shown(hub: Any) -> list[Row]:  # Any: a Hub, whose module is slow to import
    from hub.users.seen_store import traces  # slow import

    found = await hub.users.found("", None, MOST)
    async with hub.core.database.reading() as connection:
        known = await traces(connection)
    return [
        {
            "id": row["id"],
            "name": row["name"],
            "role": row["role"],
            "groups": row["groups"],
            "source": known.source(row["id"]),
            "is_active": row["is_active"],
            "is_break_glass": row["is_break_glass"],
            "has_password": row["password_hash"] is not None,
            "has_totp": row["totp_sealed"] is not None,
            "last_login_at": row["last_login_at"],
            "last_seen_at": known.seen.get(row["id"]) or row["last_login_at"],
        }
        for row in found
    ]


def _table(rows: list[Row]) -> list[str]:
    """In columns as wide as what stands in them."""
    lines = [("NAME", "ROLE", "SOURCE", "LAST SEEN (UTC)", "")] if rows else []
    for row in rows:
        remarks = {
            "switched off": not row["is_active"],
            "break-glass": row["is_break_glass"],
            "TOTP": row["has_totp"],
        }
        seen = (row["last_seen_at"] or "never")[:16].replace("T", " ")
        told = ", ".join(one for one, holds in remarks.items() if holds)
        lines.append((row["name"], row["role"], row["source"], seen, told))
    widths = [max((len(line[at]) for line in lines), default=0) for at in range(4)]
    return [
        "  ".join([*(line[at].ljust(widths[at]) for at in range(4)), line[4]]).rstrip()
        for line in lines
    ]


def _password(*, stdin: bool) -> str:
    if stdin:
        return read_piped(line=True).rstrip("\r\n")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
