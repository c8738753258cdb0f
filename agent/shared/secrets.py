"""Secrets of others that the agent must be able to say again, such as keys of model servers.

They lie in the system's keyring where there is a real one, else in a file that its owner alone
may read. Nobody is told of a keyring that is none."""

import asyncio
import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import orjson

from agent.shared.errors import Unavailable
from agent.shared.private_file import Distrusted, read_private, write_private

if TYPE_CHECKING:
    from keyring.backend import KeyringBackend

FILE_NAME = "secrets.json"
FILE_LIMIT_BYTES = 1 << 20
IN_FILE = f"file {FILE_NAME}, readable by you alone"
SERVICE = "orca-agent"
PROBE = "is anybody there"  # the name of no secret
PATIENCE_S = 5.0
# What keyrings raise that nobody unlocks, or whose owner closes the question for the password.
LOCKED = {"KeyringLocked", "InitError", "LockedException", "PromptDismissedException"}
# They stand in for a keyring: keep nothing, or keep it in plain text without saying so.
PRETENDERS = ("keyring.backends.fail", "keyring.backends.null", "keyrings.alt")

log = logging.getLogger(__name__)

T = TypeVar("T")


class Secrets:
    """Kept by name; what the keyring does not take goes into the file of this data folder.

    A keyring may ask its owner for a password, and wait for ever: every call is bounded in time
    and has a thread of its own."""

    def __init__(self, data_dir: Path, *, patience_s: float = PATIENCE_S) -> None:
        self._file, self._patience_s = data_dir / FILE_NAME, patience_s
        self._writing = asyncio.Lock()

    async def get(self, name: str) -> str | None:
        """The secret; None if there is none.

        Raises Unavailable `keyring-locked` if it may lie in a keyring that does not give it, and
        `secrets-file`."""
        secret = (await asyncio.to_thread(self._read)).get(name)
        if secret is not None:
            return secret
        try:
            return await self._in_time(lambda: _found(name))
        except _UnusableError as err:
            raise Unavailable(
                "keyring-locked",
                f"The keyring of this computer does not give the key ({err}). Unlock it, or give "
                "the key anew.",
            ) from None

    async def set(self, name: str, secret: str) -> str:
        """Keeps it, in place of an older one, and says where, in words for the owner, and why if
        a keyring that is there did not take it.

        Raises Unavailable `secrets-file` if it can be kept nowhere."""
        async with self._writing:
            place, why = None, ""
            try:
                place = await self._in_time(lambda: _kept(name, secret))
            except _UnusableError as err:
                log.warning("the keyring is not used: %s", err)
                why = f" (keyring: {err})"
            await asyncio.to_thread(self._change, name, None if place else secret)
            return place or f"{IN_FILE}{why}"

    async def place(self) -> str:
        """Where the next secret would be kept, in words for the owner."""
        with suppress(_UnusableError):
            return await self._in_time(_place) or IN_FILE
        return IN_FILE

    async def has_some_in_file(self) -> bool:
        """Whether any lie in the file. Raises Unavailable `secrets-file`."""
        return bool(await asyncio.to_thread(self._read))

    async def problem(self) -> str:
        """Why the keyring that is there cannot be used; empty if it can, or if there is none."""
        try:
            await self._in_time(lambda: _found(PROBE))
        except _UnusableError as err:
            return str(err)
        return ""

    async def delete(self, name: str) -> None:
        """Forgets it. One that is not there is fine. Raises Unavailable `secrets-file`."""
        async with self._writing:
            await asyncio.to_thread(self._change, name, None)
            try:
                await self._in_time(lambda: _forgotten(name))
            except _UnusableError as err:
                log.warning("a key may be left in the keyring: %s", err)

    async def _in_time(self, work: Callable[[], T]) -> T:
        """What `work` gives. Raises _UnusableError if it fails or takes too long."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[T] = loop.create_future()

        def settle(value: T | None, problem: str) -> None:
            if done.done():
                return
            if problem:
                done.set_exception(_UnusableError(problem))
            else:
                done.set_result(value)  # type: ignore[arg-type] # None only beside a problem

        def run() -> None:
            value, problem = None, ""
            try:
                value = work()
            except Exception as err:  # noqa: BLE001 - a keyring is anybody's code
                problem = _in_words(err)
            with suppress(RuntimeError):  # the agent ended meanwhile
                loop.call_soon_threadsafe(settle, value, problem)

        # Not one of the loop's own threads: these are waited for when the agent ends.
        threading.Thread(target=run, name="keyring", daemon=True).start()
        try:
            async with asyncio.timeout(self._patience_s):
                return await done
        except TimeoutError:
            raise _UnusableError(f"no answer within {self._patience_s:g} s") from None

    def _read(self) -> dict[str, str]:
        try:
            text = read_private(self._file, limit_bytes=FILE_LIMIT_BYTES)
        except (OSError, Distrusted) as err:
            reason = err.strerror if isinstance(err, OSError) else f"it {err}"
            raise _bad_file(f"cannot be used: {reason}") from err
        try:
            found = orjson.loads(text or "{}")
        except orjson.JSONDecodeError as err:
            raise _bad_file("is not JSON") from err
        if not isinstance(found, dict):
            raise _bad_file("is not a JSON object")
        return {name: secret for name, secret in found.items() if isinstance(secret, str)}

    def _change(self, name: str, secret: str | None) -> None:
        found = self._read()
        changed = {other: kept for other, kept in found.items() if other != name}
        if secret is not None:
            changed[name] = secret
        if changed == found:
            return
        try:
            write_private(self._file, orjson.dumps(changed, option=orjson.OPT_INDENT_2).decode())
        except OSError as err:
            raise _bad_file(f"cannot be written: {err.strerror}") from err


class _UnusableError(Exception):
    """The keyring did not do what it was asked."""


# --- in a thread ------------------------------------------------------------------------------


def _found(name: str) -> str | None:
    ring = _keyring()
    return ring.get_password(SERVICE, name) if ring else None


def _kept(name: str, secret: str) -> str | None:
    """Where it lies now; None if there is no keyring that really keeps it."""
    if (ring := _keyring()) is None:
        return None
    ring.set_password(SERVICE, name, secret)
    if ring.get_password(SERVICE, name) != secret:
        raise _UnusableError("keeps nothing")
    return _words_for(ring)


def _place() -> str | None:
    """Where it would lie; None if there is no keyring."""
    ring = _keyring()
    return _words_for(ring) if ring else None


def _forgotten(name: str) -> None:
    ring = _keyring()
    if ring is not None and ring.get_password(SERVICE, name) is not None:
        ring.delete_password(SERVICE, name)


def _keyring() -> "KeyringBackend | None":
    """The system's keyring, if it is a real one."""
    import keyring  # slow import
    from keyring.backends.chainer import ChainerBackend  # slow import

    ring = keyring.get_keyring()
    rings = list(ring.backends) if isinstance(ring, ChainerBackend) else [ring]
    return next((one for one in rings if not _pretends(one)), None)


def _words_for(ring: "KeyringBackend") -> str:
    return f"keyring: {type(ring).__module__.rpartition('.')[2]}"


def _pretends(ring: "KeyringBackend") -> bool:
    return any(kind.__module__.startswith(PRETENDERS) for kind in type(ring).__mro__)


def _in_words(err: Exception) -> str:
    """For the owner. Never the text of it, which may hold anything."""
    if isinstance(err, _UnusableError):
        return str(err)
    kind = type(err).__name__
    return "locked" if kind in LOCKED else f"failed with {kind}"


def _bad_file(what: str) -> Unavailable:
    return Unavailable(
        "secrets-file",
        f"The file {FILE_NAME} in the data folder, where keys are kept, {what}. Correct or "
        "remove it.",
    )
