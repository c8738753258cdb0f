"""The last sign-ins with a provider, for the Administrator."""

from agent.shared.databases import Databases
from hub.oidc.store import Logins, Row


class LastLogins:
    """What they brought and how it was mapped."""

    def __init__(self, database: Databases) -> None:
        self._database = database

    async def last(self) -> list[Row]:
        """Newest first."""
        async with self._database.reading() as connection:
            return await Logins(connection).last()
