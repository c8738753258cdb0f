"""orca-hub move"""

import asyncio

import typer

from agent.shared.errors import OrcaError
from hub.commands.moving import move as move_all
from hub.commands.moving import progress
from hub.serve import Refused, alone, at_start
from hub.settings import BadSettings, Settings, load


def move(settings: Settings, to: str) -> int:
    """Answers the exit code."""
    if settings.database_url is not None:
        typer.echo("ORCA_HUB_DATABASE_URL is set: unset it, so that the file is moved.", err=True)
        return 1
    try:
        url = _address(to)
        with alone(settings), progress() as tell:
            proofs = asyncio.run(move_all(settings.sqlite_file, url, tell))
    except (BadSettings, Refused) as err:
        typer.echo(str(err), err=True)
        return 1
    except OrcaError as err:
        typer.echo(at_start(err), err=True)
        return 1
    for name, proof in proofs.items():
        typer.echo(f"{name:<28} {proof.count:>9} rows  {proof.digest[:16]}")
    rows = sum(proof.count for proof in proofs.values())
    typer.echo(f"Moved: {len(proofs)} tables, {rows} rows; what arrived is what was sent.")
    typer.echo(
        "Set ORCA_HUB_DATABASE_URL now and start the hub. On another computer take the file "
        "secret.key of the data folder along, as ORCA_HUB_SECRET_KEY_FILE."
    )
    return 0


def _address(to: str) -> str:
    """Raises BadSettings, in the words of who typed it."""
    name = "ORCA_HUB_DATABASE_URL"
    try:
        return load({name: to}).async_database_url or ""
    except BadSettings as err:
        raise BadSettings(str(err).replace(name, "--to")) from None
