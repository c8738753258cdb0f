"""orca-hub doctor"""

import asyncio

from agent.shared import findings
from hub.commands.checks import examine


def doctor(*, as_json: bool) -> int:
    """Answers the exit code."""
    return findings.end(asyncio.run(_examine(as_json=as_json)), as_json=as_json)


async def _examine(*, as_json: bool) -> list[findings.Check]:
    found = []
    async for one in examine():
        found.append(one)
        if not as_json:
            findings.show(one, one.fix)
    return found
