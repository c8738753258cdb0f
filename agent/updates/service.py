"""Whether there is a newer version: asked for when somebody wants that, and never installed."""

import asyncio
import hashlib
import logging
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import orjson

from agent.shared.clock import Clock, from_rfc3339, rfc3339
from agent.shared.errors import Invalid, OrcaError
from agent.updates.rules import Release, is_newer

PINNED = Path(__file__).parent / "source" / "root.json"
ADDRESS = Path(__file__).parent / "source" / "url.txt"
EVERY = timedelta(days=1)
LOOK_S = 900.0
FIRST_S = 30.0
PATIENCE_S = 60.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Updates:
    """How things stand. `latest` is a release that is newer than this program."""

    is_on: bool
    current: str
    source: str | None = None
    latest: Release | None = None
    checked_at: datetime | None = None
    problem: OrcaError | None = None


class UpdateService:
    """Asks at most once a day by itself, and when told to. What it found outlives a restart."""

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        *,
        is_on: bool,
        url: str,
        root: Path | None,
        version: str,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._folder, self._clock = folder, clock
        self._root, self._patience_s = root or PINNED, patience_s
        self._asking = asyncio.Lock()
        self._now = Updates(is_on, version, url or _packaged() or None)

    async def open(self) -> None:
        """Takes up what an earlier start found."""
        self._now = await asyncio.to_thread(_recalled, self._folder, self._now)

    @property
    def state(self) -> Updates:
        return self._now

    async def run(self) -> None:
        """Asks when a day has gone by, if that was wished for."""
        if not self._now.is_on:
            return
        await asyncio.sleep(FIRST_S)
        while True:
            if self._is_due():
                await self.check()
            await asyncio.sleep(LOOK_S)

    async def check(self) -> Updates:
        """Asks the source now. What went wrong stands in the answer, which keeps what was known.

        Raises Invalid `no-update-source` where none is set."""
        if self._now.source is None:
            raise Invalid(
                "no-update-source",
                "This program does not know where newer versions are announced. Set update_url "
                "and update_root, or look where you got it from.",
            )
        async with self._asking:
            now = self._clock()
            try:
                found = await asyncio.to_thread(self._ask, self._now.source)
            except OrcaError as err:
                log.warning("the check for a newer version failed: %s", err.detail)
                self._now = replace(self._now, checked_at=now, problem=err)
            else:
                latest = found if is_newer(found.version, self._now.current) else None
                self._now = replace(self._now, latest=latest, checked_at=now, problem=None)
            await asyncio.to_thread(_remember, self._folder, self._now)
        return self._now

    def _ask(self, url: str) -> Release:
        from agent.updates.checking import newest  # slow import

        try:
            root = self._root.read_bytes()
        except OSError:
            raise Invalid(
                "no-update-source",
                "The file with the keys of the update source cannot be read. Set update_root.",
            ) from None
        # Each source has a past of its own: another one is no older state of this.
        past = hashlib.sha256(url.encode() + b"\n" + root).hexdigest()[:16]
        return newest(url, root, self._folder / past, patience_s=self._patience_s)

    def _is_due(self) -> bool:
        if self._now.source is None:
            return False
        last, now = self._now.checked_at, self._clock()
        return last is None or not timedelta(0) <= now - last < EVERY  # a clock that was set back


def _packaged() -> str:
    """The source that a package names, put there by its maker; empty where there is none."""
    try:
        return ADDRESS.read_text("utf-8").strip()
    except OSError:
        return ""


def _remember(folder: Path, state: Updates) -> None:
    latest = state.latest
    said = {
        "checked_at": rfc3339(state.checked_at) if state.checked_at else None,
        "latest": latest and [latest.version, latest.notes, latest.published, latest.url],
    }
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = folder / ".state.json.new"
        draft.write_bytes(orjson.dumps(said))
        draft.replace(folder / "state.json")
    except OSError as err:
        log.warning("what the update source said is not kept: %s", err.strerror)


def _recalled(folder: Path, state: Updates) -> Updates:
    try:
        said = orjson.loads((folder / "state.json").read_bytes())
        checked_at = said["checked_at"] and from_rfc3339(said["checked_at"])
        latest = Release(*said["latest"]) if said["latest"] else None
        if latest and not is_newer(latest.version, state.current):
            latest = None  # installed meanwhile
    except (OSError, ValueError, KeyError, TypeError):
        return state
    return replace(state, checked_at=checked_at, latest=latest)
