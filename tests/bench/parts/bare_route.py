"""`python -m tests.bench.parts.bare_route FILE`: the JSON in the file by a Quart that does nothing
else, behind the server and on the loop of the hub."""

import asyncio
import socket
import sys
from pathlib import Path

import orjson
from quart import Quart, Response

from agent.shared.connections import Connections, loop_factory, server_config
from agent.shared.web import json

PATH = "/api/v1/users/me"


def bare(said: dict[str, object]) -> Quart:
    app = Quart("bare", static_folder=None)

    @app.get(PATH)
    async def show() -> Response:
        return json(said)

    return app


async def serve(said: dict[str, object]) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=512) as listener:
        connections = Connections(bare(said), server_config(), refuse=lambda: None)
        await asyncio.start_server(connections.serve, sock=listener, backlog=512)
        print(listener.getsockname()[1], flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        runner.run(serve(orjson.loads(Path(sys.argv[1]).read_bytes())))
