"""What the routes of backups and storage take and give, as documented to clients."""

from typing import Annotated, Literal

from pydantic import Field, StrictBool

from agent.keeping.rules import Held, Reason
from agent.shared.web import In, Out

StorageName = Literal[
    "database",
    "images",
    "image_cache",
    "answer_cache",
    "slicer_files",
    "logs",
    "backups",
    "migrations_backup",
    "models",
    "other",
]


class BackupIn(In):
    """What goes in beside the database and the settings. Tokens and keys never do."""

    images: Annotated[StrictBool, Field(description="Pictures of conversations.")] = True
    files: Annotated[StrictBool, Field(description="Sliced files.")] = False


class BackupOut(Out):
    """A backup in the data folder. `problem` says why one cannot be restored."""

    name: str
    size_bytes: int
    created_at: str | None
    version: str | None
    holds: list[Held]
    is_automatic: bool
    reason: Reason | None
    problem: str | None


class RestoredOut(Out):
    """How the last restore ended. `kept_as` is what was there before, `note` what was left out;
    with a `problem` nothing was changed."""

    name: str
    at: str
    kept_as: str | None
    problem: str | None
    note: str | None


class BackupPage(Out):
    """Newest first."""

    items: list[BackupOut]
    next_cursor: str | None
    last_restore: RestoredOut | None


class DiskOut(Out):
    free_bytes: int
    total_bytes: int


class StorageItemOut(Out):
    """`count` is of files, pictures, answers or models, as the name says."""

    name: StorageName
    size_bytes: int
    count: int
    can_clean: bool


class StorageOut(Out):
    data_dir: str
    disk: DiskOut
    items: list[StorageItemOut]


class CleanIn(In):
    items: Annotated[list[StorageName], Field(min_length=1, max_length=20)]


class CleanedItemOut(Out):
    name: StorageName
    freed_bytes: int


class CleanedOut(Out):
    freed_bytes: int
    items: list[CleanedItemOut]
