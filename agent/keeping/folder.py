"""The folder of backups: which there are, and what each says of itself. Everything blocks."""

from contextlib import suppress
from datetime import datetime
from pathlib import Path

from agent.keeping.rules import ELSEWHERE, NAME, Stored, latest, name_for, next_serial, surplus
from agent.keeping.unpacking import opened_backup
from agent.shared.errors import NotFound, OrcaError

FOLDER = "backups"
DRAFT = ".making"


class Backups:
    """What lies there under another name than a backup's is left alone."""

    def __init__(self, data_dir: Path) -> None:
        self.path = data_dir / FOLDER
        self._read: dict[str, tuple[tuple[int, int], Stored]] = {}

    def prepare(self) -> None:
        """Raises OSError."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def all(self) -> list[Stored]:
        """Newest name first."""
        try:
            names = sorted(p.name for p in self.path.iterdir() if NAME.fullmatch(p.name))
        except OSError:
            return []
        found = [one for name in reversed(names) if (one := self._stored(name))]
        self._read = {one.name: self._read[one.name] for one in found if one.name in self._read}
        return found

    def find(self, name: str) -> Stored:
        """Raises NotFound."""
        found = self._stored(name) if NAME.fullmatch(name) else None
        if found is None:
            raise NotFound("no-such-backup", "There is no backup of this name.")
        return found

    def latest(self, now: datetime) -> Stored | None:
        return latest(self.all(), now)

    def newest_copy(self) -> Path | None:
        """Of a database by itself, made before its schema was changed."""
        copies = self.path.glob("agent-schema-*.db")
        return max(copies, key=lambda path: path.stat().st_mtime, default=None)

    def file(self, name: str) -> Path:
        """Raises NotFound."""
        return self.path / self.find(name).name

    def remove(self, name: str) -> None:
        """Raises NotFound."""
        self.file(name).unlink(missing_ok=True)

    def prune(self, keep: int) -> list[str]:
        """Removes automatic ones that are more than `keep`; says which."""
        gone = surplus(self.all(), keep)
        for name in gone:
            with suppress(OSError):
                (self.path / name).unlink(missing_ok=True)
        return gone

    def new_name(self, now: datetime, kind: str) -> str:
        return name_for(now, kind, (path.name for path in self.path.iterdir()))

    def next_serial(self) -> int:
        return next_serial(self.all())

    def draft(self, what: str) -> Path:
        """A file that is no backup yet."""
        return self.path / f"{DRAFT}.{what}"

    def clear_drafts(self) -> None:
        """Removes what a crash left. To be called when nothing is being made."""
        for file in self.path.glob(f"{DRAFT}.*"):
            with suppress(OSError):
                file.unlink(missing_ok=True)

    def _stored(self, name: str) -> Stored | None:
        file = self.path / name
        try:
            facts = file.stat()
        except OSError:
            return None
        mark = facts.st_size, facts.st_mtime_ns
        if (known := self._read.get(name)) and known[0] == mark:
            return known[1]
        try:
            with opened_backup(file) as (_, manifest):
                stored = Stored(name, facts.st_size, manifest)
        except (OrcaError, OSError):
            stored = Stored(name, facts.st_size, None)
        self._read[name] = mark, stored
        return stored


def is_made_here(file: Path, data_dir: Path) -> bool:
    """Whether this is a backup in the folder, and was not sent there from elsewhere."""
    is_inside = file.resolve().parent == (data_dir / FOLDER).resolve()
    return is_inside and NAME.fullmatch(file.name) is not None and ELSEWHERE not in file.name
