"""A Redis of the tests' own: a free port, loopback alone, nothing kept."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

STARTS_S = 10.0


def program() -> str | None:
    """None where there is none."""
    return shutil.which("redis-server")


@dataclass(slots=True)
class Redis:
    """A server that can be stopped and started again on its port; then it has forgotten all."""

    port: int
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def url(self) -> str:
        """Another database number for each user of the server: add it to the end."""
        return f"redis://127.0.0.1:{self.port}/"

    def start(self) -> None:
        found = program()
        assert found, "There is no redis-server."
        words = ("--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--loglevel", "warning")
        self.process = subprocess.Popen(
            [found, "--port", str(self.port), *words, "--databases", "64"],
            stdout=subprocess.DEVNULL,
        )
        ends_at = time.monotonic() + STARTS_S
        while not self._answers():
            assert time.monotonic() < ends_at, "Redis does not start."
            time.sleep(0.02)

    def stop(self) -> None:
        assert self.process is not None
        self.process.terminate()
        self.process.wait(10)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False


@contextmanager
def redis() -> Iterator[Redis]:
    """A server for as long as the block lasts."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    server = Redis(port)
    server.start()
    try:
        yield server
    finally:
        server.stop()
