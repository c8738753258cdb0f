"""What takes space, over HTTP."""

from dataclasses import asdict

from quart import Blueprint, Response

from agent.keeping.shapes import CleanedOut, CleanIn, StorageOut
from agent.keeping.storage import StorageService
from agent.shared.web import gives, json, needs, takes


def routes(storage: StorageService, data_dir: str) -> Blueprint:
    bp = Blueprint("storage", __name__, url_prefix="/api/v1/storage")

    @bp.get("")
    @needs("admin")
    @gives(StorageOut)
    async def look() -> Response:
        """What the data folder takes, by what it is, and how full its disk is."""
        free, total = await storage.disk()
        return json(
            {
                "data_dir": data_dir,
                "disk": {"free_bytes": free, "total_bytes": total},
                "items": [asdict(item) for item in await storage.items()],
            }
        )

    @bp.post("/clean")
    @needs("admin")
    @takes(CleanIn)
    @gives(CleanedOut)
    async def clean(asked: CleanIn) -> Response:
        """Clear out what nobody needs: what lies in the bin, caches, old logs, sliced files."""
        freed = await storage.clean(asked.items)
        items = [{"name": name, "freed_bytes": count} for name, count in freed.items()]
        return json({"freed_bytes": sum(freed.values()), "items": items})

    return bp
