"""A PostgreSQL of the tests' own: a new folder, a free port, loopback alone."""

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

USER = "orca"


def binaries() -> Path | None:
    """Where the newest one's programs are; None where there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    there = shutil.which("initdb")
    return Path(there).parent if there else None


@dataclass(slots=True)
class Postgres:
    """A server that can be stopped and started again."""

    folder: Path
    port: int
    password: str
    programs: Path
    is_durable: bool = False

    @property
    def url(self) -> str:
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/postgres"

    def start(self) -> None:
        options = (
            f"-c listen_addresses=127.0.0.1 -c port={self.port} "
            f"-c fsync={'on' if self.is_durable else 'off'} "
            f"-c unix_socket_directories={self.folder} -c max_connections=200"
        )
        self._run(
            "pg_ctl",
            "-D",
            self.folder / "data",
            "-w",
            "-l",
            self.folder / "log",
            "-o",
            options,
            "start",
        )

    def stop(self, mode: str = "fast") -> None:
        self._run("pg_ctl", "-D", self.folder / "data", "-m", mode, "-w", "stop")

    def new_database(self) -> str:
        """The address of an empty one."""
        name = f"hub_{secrets.token_hex(6)}"
        env = {**os.environ, "PGPASSWORD": self.password}
        server = ("-h", "127.0.0.1", "-p", str(self.port), "-U", USER)
        subprocess.run([self.programs / "createdb", *server, name], env=env, check=True)
        return f"{self.url.rpartition('/')[0]}/{name}"

    def _run(self, program: str, *words: object) -> None:
        command = [str(self.programs / program), *(str(word) for word in words)]
        done = subprocess.run(
            _as_nobody(command), cwd="/", capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"{program} failed: {done.stdout[-2000:]}{done.stderr[-2000:]}")


@contextmanager
def postgres(*, is_durable: bool = False) -> Iterator[Postgres]:
    """A server for as long as the block lasts. `is_durable`: as it comes, waiting for the disk."""
    programs = binaries()
    assert programs, "There is no PostgreSQL."
    with tempfile.TemporaryDirectory(prefix="orca-pg-") as name, socket.socket() as free:
        folder, password = Path(name), secrets.token_hex(12)
        if os.geteuid() == 0:  # it refuses to run as root
            owner = pwd.getpwnam("postgres")
            os.chown(folder, owner.pw_uid, owner.pw_gid)
        free.bind(("127.0.0.1", 0))
        server = Postgres(folder, free.getsockname()[1], password, programs, is_durable)
        file = folder / "password"
        file.write_text(password)
        file.chmod(0o644)
        server._run(
            "initdb", "-D", folder / "data", "-A", "scram-sha-256", "-U", USER,
            f"--pwfile={file}", "--no-sync", "-E", "UTF8",
        )  # fmt: skip
        free.close()
        server.start()
        try:
            yield server
        finally:
            server.stop("immediate")


def _as_nobody(command: list[str]) -> list[str]:
    return ["runuser", "-u", "postgres", "--", *command] if os.geteuid() == 0 else command
