"""orca-agent mcp"""

import asyncio

import typer

from agent.terminal import DataDir, fail
from agent.version import program_version

MISSING = (
    "This needs the package `mcp`, and the Python that runs the agent does not have it. In a clone "
    "of Orca Agents `make setup` installs it; elsewhere: python -m pip install 'mcp>=2', with that "
    "Python."
)


def mcp(*, data_dir: DataDir = None) -> None:
    """Offer the agent's tools to another assistant, over stdin and stdout (MCP).

    The agent must run. Nothing is changed through these tools; what another assistant proposes
    stands in the agent's page until you pick it.

    Example for an assistant's configuration:

        {"mcpServers": {"orca": {"command": "orca-agent", "args": ["mcp"]}}}
    """
    try:
        from agent.mcp.server import build  # optional dependency
    except ImportError as err:
        if err.name is None or err.name.partition(".")[0] != "mcp":
            raise
        raise fail(MISSING) from None
    from agent.client.aio import AsyncAgent  # slow import

    async def serve() -> None:
        async with AsyncAgent.local(data_dir) as agent:
            await build(agent, program_version()).run_stdio_async()

    try:
        asyncio.run(serve())
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
