"""The yardstick of uploads: a Quart route that writes what comes into a file, and nothing else."""

import argparse
import asyncio
import socket
from itertools import count
from pathlib import Path

from quart import Quart, request

from agent.server import Server
from agent.shared.connections import loop_factory
from agent.shared.tasks import running


def app_that_copies(folder: Path) -> Quart:
    app = Quart("bare")
    app.config["MAX_CONTENT_LENGTH"] = None

    @app.get("/")
    async def live() -> str:
        return "here"

    numbers = count()

    @app.post("/copy")
    async def copy() -> tuple[str, int]:
        # Each a file of its own: to write over one of which nothing is on the disk yet is cheaper.
        with (folder / f"copy-{next(numbers)}.gcode").open("wb") as file:
            async for chunk in request.body:
                file.write(chunk)
        return "kept", 201

    return app


async def serve(port: int, folder: Path) -> None:
    with socket.create_server(("127.0.0.1", port)) as listener:
        server = Server(listener)
        server.open(app_that_copies(folder))
        async with running(server=server.run()):
            await asyncio.Event().wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    asked = parser.parse_args()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(serve(asked.port, asked.folder))


if __name__ == "__main__":
    main()
