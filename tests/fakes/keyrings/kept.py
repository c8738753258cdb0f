"""Keyrings as a system may have them, chosen by PYTHON_KEYRING_BACKEND.

`Kept` writes to the file that ORCA_TEST_KEYRING names, so that a test sees what it holds."""

import json
import os
import time
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import InitError

VARIABLE = "ORCA_TEST_KEYRING"


class Kept(KeyringBackend):
    """Does what a keyring does."""

    priority = 1

    def get_password(self, service: str, username: str) -> str | None:
        found: str | None = self._read().get(f"{service}/{username}")
        return found

    def set_password(self, service: str, username: str, password: str) -> None:
        self._write({**self._read(), f"{service}/{username}": password})

    def delete_password(self, service: str, username: str) -> None:
        found = self._read()
        del found[f"{service}/{username}"]
        self._write(found)

    def _read(self) -> dict[str, str]:
        file = Path(os.environ[VARIABLE])
        return json.loads(file.read_text()) if file.exists() else {}

    def _write(self, kept: dict[str, str]) -> None:
        Path(os.environ[VARIABLE]).write_text(json.dumps(kept))


class Locked(KeyringBackend):
    """Nobody unlocks it."""

    priority = 1

    def get_password(self, service: str, username: str) -> str | None:
        raise InitError("Failed to unlock the collection!")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise InitError(f"Failed to unlock the collection for {password}!")

    def delete_password(self, service: str, username: str) -> None:
        raise InitError("Failed to unlock the collection!")


class Asks(Locked):
    """Waits for its owner to type a password."""

    def get_password(self, service: str, username: str) -> str | None:
        time.sleep(1.5)
        return None

    def set_password(self, service: str, username: str, password: str) -> None:
        time.sleep(1.5)


class Forgets(Kept):
    """Says nothing, and keeps nothing."""

    def set_password(self, service: str, username: str, password: str) -> None:
        return


class Plain(Kept):
    """Stands for those of keyrings.alt, which are told by the name of their module."""

    __module__ = "keyrings.alt.file"
