"""Did it help? The print that advice was for, beside those since that use its presets."""

from typing import Any

from agent.shared.errors import NotFound
from agent.slicer.advice.sources import Ended, Sources
from agent.slicer.advice.store import Row
from agent.slicer.presets.comparing import named_by
from agent.slicer.rules import SlicerFile

Json = dict[str, Any]  # Any: JSON values
MOST_PRINTS = 10


async def compared(row: Row, sources: Sources) -> Json:
    """Both sides; `after` is empty until a file comes in that uses one of the presets."""
    names = {target["name"] for target in row["targets"].values()}
    later = await sources.files_since(row["created_at"])
    after = [
        file
        for file in later
        if file.id != row["file_id"] and names & {one.name for one in named_by(file.facts)}
    ]
    before = None
    if row["file_id"] is not None:
        try:
            before = await sources.file(row["file_id"])
        except NotFound:
            before = None
    return {
        "before": _print(before, await sources.ended(before.id)) if before else None,
        "after": [_print(file, await sources.ended(file.id)) for file in after[:MOST_PRINTS]],
    }


def _print(file: SlicerFile, ended: Ended | None) -> Json:
    return {
        "file_id": file.id,
        "name": file.name,
        "created_at": file.created_at,
        "estimated_seconds": file.facts.estimated_seconds,
        "filament_grams": [one.used_g or 0.0 for one in file.facts.filaments],
        "findings": [finding.id for finding in file.findings],
        "result": ended.result if ended else None,
        "note": ended.note if ended else "",
    }
