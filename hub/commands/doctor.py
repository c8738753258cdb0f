"""orca-hub doctor"""

import asyncio
import json
from dataclasses import asdict

import typer

from hub.commands.checks import Check, State, examine

SIGNS = {State.GOOD: ("✓", "green"), State.WARNING: ("!", "yellow"), State.WRONG: ("✗", "red")}


def doctor(*, as_json: bool) -> int:
    """Answers the exit code."""
    found = asyncio.run(_examine(as_json=as_json))
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in found], indent=2, ensure_ascii=False))
    return 1 if any(one.state is State.WRONG for one in found) else 0


async def _examine(*, as_json: bool) -> list[Check]:
    found = []
    async for one in examine():
        found.append(one)
        if not as_json:
            sign, colour = SIGNS[one.state]
            typer.echo(f"{typer.style(sign, fg=colour)} {one.name:<12} {one.text}")
            if one.fix:
                typer.echo(f"  {'':<12} → {one.fix}")
    return found
