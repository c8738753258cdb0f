"""The command line: its commands and how they are grouped. What they do is in agent/commands."""

from typing import Annotated

import typer

from agent.commands import (
    archive,
    backends,
    backup,
    chat,
    doctor,
    inspect,
    logs,
    mcp,
    models,
    plugin,
    post_process_command,
    printers,
    report,
    reset,
    restore,
    runtime,
    serve,
    status,
    stop,
    support,
    team,
    token,
    tray,
    updates,
    url,
)
from agent.shared.command_line import CommandLine, PlainGroup
from agent.version import program_version

HELP = """
A private assistant beside OrcaSlicer. It runs on this computer and answers nobody else.

Examples:

    orca-agent serve                          start the agent and open its page

    orca-agent chat "Why does PETG string?"   ask, and read the answer here

    orca-agent doctor                         find out what is wrong
"""

app = CommandLine(
    name="orca-agent",
    cls=PlainGroup,
    help=HELP,
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    pretty_exceptions_short=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
app.command("serve", rich_help_panel="The agent")(serve.serve)
app.command("tray", rich_help_panel="The agent")(tray.tray)
app.command("stop", rich_help_panel="The agent")(stop.stop)
app.command("status", rich_help_panel="The agent")(status.status)
app.command("url", rich_help_panel="The agent")(url.url)
app.command("doctor", rich_help_panel="When something is wrong")(doctor.doctor)
app.command("support", rich_help_panel="When something is wrong")(support.support)
app.command("logs", rich_help_panel="When something is wrong")(logs.logs)
app.command("chat", rich_help_panel="Conversations")(chat.chat)
app.command("export", rich_help_panel="Conversations")(archive.export)
app.command("import", rich_help_panel="Conversations")(archive.import_)
app.command("backup", rich_help_panel="Your data")(backup.backup)
app.command("restore", rich_help_panel="Your data")(restore.restore)
app.command("reset", rich_help_panel="Your data")(reset.reset)
app.command("inspect", rich_help_panel="Files of the slicer")(inspect.inspect)
app.command("post-process", rich_help_panel="Files of the slicer")(
    post_process_command.post_process
)
app.command("report", rich_help_panel="Models")(report.report)
app.add_typer(models.app, name="models", rich_help_panel="Models")
app.add_typer(backends.app, name="backends", rich_help_panel="Models")
app.add_typer(printers.app, name="printers", rich_help_panel="Printing")
app.add_typer(runtime.app, name="runtime", rich_help_panel="Models")
app.add_typer(plugin.app, name="plugin", rich_help_panel="Files of the slicer")
app.command("updates", rich_help_panel="The agent")(updates.updates)
app.add_typer(team.app, name="team", rich_help_panel="The agent")
app.command("mcp", rich_help_panel="Access")(mcp.mcp)
app.add_typer(token.app, name="token", rich_help_panel="Access")


def _print_version(asked: bool) -> None:  # noqa: FBT001 - typer's callback
    if asked:
        typer.echo(f"orca-agent {program_version()}")
        raise typer.Exit


@app.callback()
def options(
    *,
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print and leave."),
    ] = False,
) -> None:
    """What stands before the command."""
