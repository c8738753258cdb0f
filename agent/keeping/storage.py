"""What takes space, and what can be had back of it without losing anything that is needed."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from agent.keeping import space
from agent.keeping.shapes import StorageName
from agent.shared.disk import unwritable
from agent.shared.errors import Invalid

NAMES: tuple[StorageName, ...] = get_args(StorageName)


@dataclass(frozen=True, slots=True)
class Item:
    """Bytes and how many things; `can_clean` where `clean` gives some of it back."""

    name: StorageName
    size_bytes: int
    count: int
    can_clean: bool


@dataclass(frozen=True, slots=True)
class Counts:
    """What other parts know better than the file system. Pairs are of things and bytes."""

    conversations: int
    answers: tuple[int, int]
    images: int
    models: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Parts:
    """`cleaners` are those of other parts, by what they clear out."""

    data_dir: Path
    counts: Callable[[], Awaitable[Counts]]
    cleaners: Mapping[StorageName, Callable[[], Awaitable[object]]]


class StorageService:
    """Looks when asked, and remembers nothing."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._cleaning = asyncio.Lock()
        self._cleaners: dict[StorageName, Callable[[], Awaitable[object]]] = {
            "logs": lambda: self._in_folder(space.clean_logs),
            "migrations_backup": lambda: self._in_folder(space.clean_migration_copies),
            **parts.cleaners,
        }

    async def disk(self) -> tuple[int, int]:
        """Bytes that are free, and in all."""
        usage = await asyncio.to_thread(shutil.disk_usage, self._parts.data_dir)
        return usage.free, usage.total

    async def items(self) -> list[Item]:
        """Everything, in a fixed order; the sizes add up to what the folder takes, but for the
        models, which lie elsewhere."""
        found = await asyncio.to_thread(space.taken, self._parts.data_dir)
        counts = await self._parts.counts()
        sizes: dict[StorageName, int] = {name: found.bytes_of[name] for name in NAMES}
        number: dict[StorageName, int] = {name: found.files_of[name] for name in NAMES}
        number |= {"database": counts.conversations, "images": counts.images}
        answers = min(counts.answers[1], sizes["database"])  # they lie in the database
        number["answer_cache"], sizes["answer_cache"] = counts.answers[0], answers
        sizes["database"] -= answers
        number["models"], sizes["models"] = counts.models
        return [Item(name, sizes[name], number[name], name in self._cleaners) for name in NAMES]

    async def clean(self, names: Iterable[StorageName]) -> dict[StorageName, int]:
        """Clears these out; says how many bytes each gave back.

        Raises Invalid, NoSpace, Unavailable."""
        wanted = [name for name in NAMES if name in set(names)]
        if fixed := [name for name in wanted if name not in self._cleaners]:
            raise Invalid("cannot-clean", f"{fixed[0]} cannot be cleared out here.")
        # The database last: it gives back what the others freed in it.
        wanted.sort(key=lambda name: name == "database")
        async with self._cleaning:
            before = await self._sizes()
            for name in wanted:
                await self._cleaners[name]()
            after = await self._sizes()
        return {name: max(0, before[name] - after[name]) for name in wanted}

    async def _sizes(self) -> dict[StorageName, int]:
        return {item.name: item.size_bytes for item in await self.items()}

    async def _in_folder(self, clean: Callable[[Path], None]) -> None:
        try:
            await asyncio.to_thread(clean, self._parts.data_dir)
        except OSError as err:
            raise unwritable(err, "The data folder") from err
