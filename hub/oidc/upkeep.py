"""What comes by itself where a provider is set."""

from datetime import timedelta

from hub.core import Core
from hub.jobs.running import Job, Result
from hub.oidc.provider import ProviderClient
from hub.oidc.shared import SharedDocuments
from hub.oidc.store import Documents

REFRESH, EVERY = "oidc.refresh", timedelta(minutes=30)


def add_upkeep(core: Core, client: ProviderClient, shared: SharedDocuments) -> None:
    """One process asks the provider for its addresses and keys, and all replicas take them: within
    a minute, or with the first token that a key of theirs has not signed."""

    async def refresh(job: Job) -> Result:
        described = await client.refreshed()
        async with job.finishing() as connection:
            await Documents(connection).keep(shared.row(described))
            job.result = {"keys": len(described.keys["keys"])}
        return None

    core.jobs.every(REFRESH, EVERY, refresh, attempts=6)
