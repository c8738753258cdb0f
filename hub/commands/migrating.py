"""orca-hub migrate"""

import asyncio
from pathlib import Path

from agent.shared.errors import Invalid
from hub import migrations
from hub.database import open_database, upgrade_file, upgrade_server
from hub.postgres import PostgresDatabase
from hub.settings import Settings


async def migrate(settings: Settings, *, down: str | None) -> str:
    """To the schema of this version, or down to an older one; says what was done.

    Raises Invalid for a revision that there is not."""
    if down is None:
        async with open_database(settings):
            return "The database has the schema of this version."
    if down not in revisions():
        raise Invalid(
            "no-such-revision", f"There is no schema {down}. There are: {', '.join(revisions())}."
        )
    if url := settings.async_database_url:
        server = PostgresDatabase(url)
        try:
            await upgrade_server(server, down)
        finally:
            await server.close()
    else:
        await asyncio.to_thread(upgrade_file, settings.sqlite_file, down)
    return f"The database has the schema {down}. Start the version that goes with it."


def revisions() -> list[str]:
    """Every schema that there was, the first one first; `base` has no tables."""
    from alembic.script import ScriptDirectory  # slow import

    scripts = ScriptDirectory(str(Path(migrations.__path__[0])))
    return ["base", *reversed([script.revision for script in scripts.walk_revisions()])]
