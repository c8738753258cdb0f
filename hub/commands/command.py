"""What commands have in common: the settings, and how a mistake ends one."""

import asyncio
from collections.abc import Awaitable, Callable

import typer

from agent.shared.errors import OrcaError
from hub.settings import BadSettings, Settings, load


def settings() -> Settings:
    """Those in force. Leaves with 2 and a sentence where they cannot be."""
    try:
        return load()
    except BadSettings as err:
        typer.echo(str(err), err=True)
        raise typer.Exit(2) from None


def do(work: Callable[[], Awaitable[None]]) -> None:
    """To the end. Leaves with 1 and a sentence where it cannot be done."""

    async def run() -> None:
        await work()

    try:
        asyncio.run(run())
    except OrcaError as err:
        from hub.serve import at_start  # slow import

        typer.echo(at_start(err), err=True)
        raise typer.Exit(1) from None
