"""orca-agent serve"""

from typing import Annotated

import typer

from agent.shared import garbage
from agent.terminal import DataDir, clean, fail, name_in_hints


def serve(
    *,
    port: Annotated[
        int | None,
        typer.Option(
            help="Port on 127.0.0.1; 0 takes any free one.",
            show_default="14434",
        ),
    ] = None,
    browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page where there is a display.")
    ] = True,
    log_level: Annotated[
        str | None,
        typer.Option(help="debug, info, warning or error.", show_default="info"),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Start the agent and print the link of its page.

    Runs until Ctrl-C or `orca-agent stop`. If the agent of this user runs already, prints a link
    to that one. Everything else is set by ORCA_AGENT_... or in agent.toml in the data folder.

    Examples:

        orca-agent serve --no-browser

        orca-agent serve --port 0 --data-dir ~/other
    """
    with garbage.resting():
        from agent.settings import BadSettings, load, notices  # slow import

        asked = {"port": port, "log_level": log_level, "data_dir": data_dir}
        try:
            settings = load(**{name: value for name, value in asked.items() if value is not None})
        except BadSettings as err:
            raise fail(str(err), 2) from None
        name_in_hints(settings.data_dir)
        for notice in notices(settings):
            if log_level and notice.startswith("LOG_LEVEL "):
                continue
            typer.secho(clean(notice), err=True)
        from agent import serve as program  # slow import

        raise typer.Exit(program.serve(settings, browser=browser))
