"""One tray for each user and data folder: a second start asks the first one to come forward."""

import hmac
import json
import os
import secrets
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self

from filelock import FileLock, Timeout

LOCK_NAME, FILE_NAME = "tray.lock", "tray.json"
PATIENCE_S = 3.0
LONGEST = 200
FORWARD = "forward"


class TakenError(Exception):
    """Another tray has the folder."""


class Single:
    """Holds the folder for as long as the block lasts, and hears who starts once more."""

    def __init__(self, data_dir: Path, on_forward: Callable[[], None]) -> None:
        self._file, self._on_forward = data_dir / FILE_NAME, on_forward
        self._lock = FileLock(data_dir / LOCK_NAME, timeout=0, mode=0o600)
        self._secret = secrets.token_hex(16)
        self._door: socket.socket | None = None

    def __enter__(self) -> Self:
        """Raises TakenError, and OSError where the folder cannot be used."""
        try:
            self._lock.acquire()
        except Timeout:
            raise TakenError from None
        self._door = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._listen, name="second starts", daemon=True).start()
        told = {"port": self._door.getsockname()[1], "secret": self._secret, "pid": os.getpid()}
        self._file.unlink(missing_ok=True)
        descriptor = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            json.dump(told, out)
        return self

    def __exit__(self, *_: object) -> None:
        if self._door is not None:
            self._door.close()
        with suppress(OSError):
            self._file.unlink(missing_ok=True)
        self._lock.release()

    def _listen(self) -> None:
        while self._door is not None:
            try:
                visitor, _ = self._door.accept()
            except OSError:
                return  # closed: the end
            with visitor, suppress(OSError):
                visitor.settimeout(PATIENCE_S)
                said = visitor.recv(LONGEST)
                if hmac.compare_digest(said, f"{FORWARD} {self._secret}".encode()):
                    self._on_forward()
                    visitor.sendall(b"ok")


def ask_forward(data_dir: Path) -> bool:
    """Has the tray of this folder show its window; whether it heard."""
    try:
        said = json.loads((data_dir / FILE_NAME).read_text("utf-8"))
        with socket.create_connection(("127.0.0.1", int(said["port"])), PATIENCE_S) as line:
            line.settimeout(PATIENCE_S)
            line.sendall(f"{FORWARD} {said['secret']}".encode("ascii", errors="replace"))
            return line.recv(2) == b"ok"
    except (OSError, ValueError, LookupError, TypeError):
        return False
