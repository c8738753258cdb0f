"""What the data folder takes, by what it is. Everything blocks, for as long as there are files."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from agent.keeping.folder import FOLDER
from agent.keeping.rules import DATABASE, NAME
from agent.keeping.shapes import StorageName
from agent.shared.disk import files_in

IMAGE_CACHE = "images.db"


@dataclass(frozen=True, slots=True)
class Taken:
    """By name: bytes and files."""

    bytes_of: Counter[StorageName]
    files_of: Counter[StorageName]


def taken(data_dir: Path) -> Taken:
    """What lies in the folder; what is not the agent's own is `other`."""
    sizes: Counter[StorageName] = Counter()
    files: Counter[StorageName] = Counter()
    for path, size in files_in(data_dir):
        name = kind_of(path.relative_to(data_dir))
        sizes[name] += size
        files[name] += 1
    return Taken(sizes, files)


def kind_of(path: Path) -> StorageName:
    """Of a file, by where it lies in the data folder."""
    first = path.parts[0]
    if first.startswith(DATABASE):
        return "database"
    if first.startswith(IMAGE_CACHE):
        return "image_cache"
    if first == FOLDER:
        return "backups" if NAME.fullmatch(path.name) else "migrations_backup"
    folders: dict[str, StorageName] = {
        "images": "images",
        "slicer": "slicer_files",
        "logs": "logs",
    }
    return folders.get(first, "other") if len(path.parts) > 1 else "other"


def clean_logs(data_dir: Path) -> None:
    """Removes what is not written to any more: agent.log.1 and its like. Raises OSError."""
    for file in (data_dir / "logs").glob("*.log.*"):
        if file.name.rpartition(".")[2].isdecimal():
            file.unlink(missing_ok=True)


def clean_migration_copies(data_dir: Path) -> None:
    """Removes the copies that were made before the schema changed. Raises OSError."""
    for file in (data_dir / FOLDER).glob("agent-schema-*.db"):
        file.unlink(missing_ok=True)
