"""orca-agent url"""

from typing import Annotated

import typer

from agent.terminal import DataDir, show


def url(
    *,
    open_: Annotated[bool, typer.Option("--open", help="Open it in the browser as well.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Print a link that logs one browser in. It works once, for a minute.

    Example:

        orca-agent url --open
    """
    from agent.client.sync import Agent  # slow import

    with Agent.local(data_dir) as agent:
        if open_:
            show(agent.ticket())
        typer.echo(agent.ticket())
