"""Takes a file in: to the disk as it comes, then read and checked."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path

from agent.shared.clock import Clock, rfc3339
from agent.shared.errors import Invalid
from agent.slicer.files.failures import too_large
from agent.slicer.files.folder import Folder, Part
from agent.slicer.files.reading import findings_in, read_facts
from agent.slicer.files.rules import kind_of, safe_name, without_secrets
from agent.slicer.rules import Facts, Kind, SlicerFile

BLOCK_BYTES = 1 << 19


async def written(part: Part, chunks: AsyncIterator[bytes], *, limit_bytes: int) -> str:
    """The SHA-256 of what came. One block is on its way to the disk while the next comes in.

    Raises TooLarge, NoSpace or Unavailable, and what `chunks` does."""
    loop, size, held = asyncio.get_running_loop(), 0, 0
    block: list[bytes] = []
    writing: asyncio.Future[None] | None = None
    try:
        async for chunk in chunks:
            size += len(chunk)
            if size > limit_bytes:
                raise too_large(limit_bytes)
            block.append(chunk)
            held += len(chunk)
            if held >= BLOCK_BYTES:
                if writing:
                    await writing
                writing = loop.run_in_executor(None, part.write, block)
                block, held = [], 0
    finally:
        if writing:  # it must not write any more when the file is given up
            await asyncio.shield(writing)
    return await asyncio.to_thread(_finished, part, block)


class Intake:
    """What is known of a file once it is here. Every method blocks."""

    def __init__(self, folder: Folder, clock: Clock) -> None:
        self._folder, self._clock = folder, clock

    def read(self, part: Part, file_id: str, name: str, sha256: str, source: str) -> SlicerFile:
        kind = kind_of(part.head)
        shown = safe_name(name, kind)
        path = self._folder.keep(part, file_id, kind)
        try:
            facts = read_facts(path, kind)
        except Invalid as err:
            if kind == "gcode" and shown.lower().endswith(".3mf"):
                raise Invalid(
                    "no-3mf", f"{shown} is no 3MF: it is not a zip archive. Export it once more."
                ) from None
            raise _named(err, path, shown) from None
        file = self._file(file_id, shown, kind, part.size_bytes, facts, source)
        return replace(file, sha256=sha256)

    def read_elsewhere(
        self, path: Path, file_id: str, name: str, settings: Mapping[str, str], source: str
    ) -> SlicerFile:
        # A pipe would never end; Windows would sign in at the computer that a share names.
        is_share = str(path).startswith(("\\\\", "//"))
        if is_share or not path.is_absolute() or not path.is_file():
            raise FileNotFoundError
        with path.open("rb") as opened:
            kind = kind_of(opened.read(16))
        shown = safe_name(name, kind)
        try:
            facts = read_facts(path, kind)
        except Invalid as err:
            raise _named(err, path, shown) from None
        if not facts.settings:
            facts = replace(facts, settings=without_secrets(settings))
        size_bytes = path.stat().st_size
        if kind == "gcode":  # the ends of a zip archive are nothing by themselves
            self._folder.keep_ends(path, file_id, kind)
        file = self._file(file_id, shown, kind, size_bytes, facts, source)
        return replace(file, is_whole=False)

    def _file(
        self, file_id: str, name: str, kind: Kind, size_bytes: int, facts: Facts, source: str
    ) -> SlicerFile:
        at, findings = rfc3339(self._clock()), findings_in(facts)
        return SlicerFile(file_id, name, kind, size_bytes, at, facts, findings, source=source)


def _finished(part: Part, rest: list[bytes]) -> str:
    part.write(rest)
    return part.finish()


def _named(err: Invalid, path: Path, shown: str) -> Invalid:
    """The sentence names the file as its sender does."""
    return Invalid(err.code, err.detail.replace(path.name, shown), **err.extra)
