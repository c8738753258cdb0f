"""`orca-hub serve`: from its socket to its last word."""

import asyncio
import logging
import signal
import socket

import typer
from hypercorn.asyncio import serve as hypercorn_serve
from hypercorn.config import Config

from agent.shared.errors import OrcaError
from agent.shared.logs import logging_to
from hub.app import open_hub
from hub.settings import Settings

GRACE_S = 5.0

log = logging.getLogger(__name__)


def serve(settings: Settings) -> int:
    """Runs the hub until it is told to end. Answers the exit code."""
    try:
        listener = socket.create_server((settings.host, settings.port), backlog=512)
    except OSError as err:
        typer.echo(
            f"Port {settings.port} of {settings.host} cannot be used: {err.strerror}.", err=True
        )
        return 1
    with listener, logging_to(settings.data_dir / "logs", settings.log_level):
        bound = settings.model_copy(update={"port": int(listener.getsockname()[1])})
        try:
            asyncio.run(_run(bound, listener))
        except OrcaError as err:
            log.error("the hub cannot start: %s", err.detail)
            return 1
    typer.echo("The hub has ended.")
    return 0


async def _run(settings: Settings, listener: socket.socket) -> None:
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for name in ("SIGTERM", "SIGINT"):
        try:
            loop.add_signal_handler(getattr(signal, name), stop.set)
        except NotImplementedError:  # Windows
            signal.signal(getattr(signal, name), lambda *_: loop.call_soon_threadsafe(stop.set))
    async with open_hub(settings) as hub:
        typer.echo(f"The hub serves {settings.origin}")
        if link := await hub.first_link():
            typer.echo(f"Make the first Administrator, once:  {link}")
        await hypercorn_serve(hub.app, _config(listener), shutdown_trigger=stop.wait)


def _config(listener: socket.socket) -> Config:
    config = Config()
    config.bind = [f"fd://{listener.fileno()}"]
    config.graceful_timeout = GRACE_S
    config.include_server_header = False
    config.accesslog = config.errorlog = None
    return config
