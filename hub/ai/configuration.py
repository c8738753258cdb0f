"""What holds of model servers, routes and policy, on every replica within two seconds."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.databases import Databases
from agent.shared.errors import OrcaError, Unavailable
from hub.ai.choosing import Candidate, Route, Rule
from hub.ai.servers import Servers
from hub.ai.specs import Spec
from hub.ai.store import Models
from hub.sealing import Seal

LOOK_EVERY_S = 1.0


log = logging.getLogger(__name__)


class Configuration:
    """Read again when its number has grown. What an Administrator changes here holds here at
    once."""

    def __init__(
        self, database: Databases, servers: Servers, seal: Seal, fixed: Sequence[Spec]
    ) -> None:
        self._database, self._servers, self._seal = database, servers, seal
        self.fixed = tuple(fixed)
        self.specs: tuple[Spec, ...] = ()
        self.routes: tuple[Route, ...] = ()
        self.rules: tuple[Rule, ...] = ()
        self._version = -1
        self._reading = asyncio.Lock()

    async def run(self) -> None:
        """Looks whether another replica has changed anything."""
        is_well = True
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                await self.look()
            except OrcaError as err:
                if is_well:
                    log.error("the model servers cannot be looked up: %s", err.detail)
                is_well = False
            else:
                is_well = True

    async def look(self) -> None:
        """Brings what holds here to what is set."""
        async with self._reading:
            async with self._database.reading() as connection:
                models = Models(connection)
                version = await models.version()
                if version == self._version:
                    return
                providers = await models.providers()
                routes = await models.routes()
                policy = await models.policy()
            self.specs = (*self.fixed, *filter(None, map(self._spec, providers)))
            self.routes = tuple(_route(row) for row in routes if row["is_on"])
            self.rules = tuple(map(_rule, policy))
            await self._servers.apply(self.specs)
            self._version = version

    def spec(self, provider_id: str) -> Spec | None:
        return next((one for one in self.specs if one.id == provider_id), None)

    def _spec(self, row: Mapping[str, Any]) -> Spec | None:  # Any: a row's values
        if any(one.name == row["name"] for one in self.fixed):
            log.warning("model server %s of the console is set elsewhere, too", row["name"])
            return None
        key = ""
        if row["key_sealed"]:
            try:
                key = self._seal.open(row["key_sealed"], sealed_for(row["id"]))
            except (OrcaError, ValueError):
                log.error("the key of model server %s cannot be opened", row["name"])
        return Spec(
            row["id"],
            row["name"],
            row["kind"],
            row["url"],
            "console",
            key,
            row["is_cloud"],
            row["priority"],
            row["parallel"],
            tuple(row["models"]),
            row["is_on"],
        )


def _route(row: Mapping[str, Any]) -> Route:  # Any: a row's values
    candidates = tuple(Candidate(one["provider"], one["model"]) for one in row["candidates"])
    return Route(row["id"], row["pattern"], candidates, row["by"])


def _rule(row: Mapping[str, Any]) -> Rule:  # Any: a row's values
    return Rule(
        row["subject_kind"],
        row["subject"],
        tuple(row["models"]),
        tuple(row["providers"]),
        row["cloud"],
    )


def sealed_for(provider_id: str) -> str:
    """The purpose under which a key is kept: that of another server cannot be put in its place."""
    return f"provider {provider_id}"


async def changed(connection: AsyncConnection) -> None:
    """First thing of a change: of two at once, the second waits here for the first."""
    await Models(connection).has_changed()


def nobody() -> Unavailable:
    return Unavailable(
        "no-model-server",
        "No model server answers. An Administrator adds one under Models, or sees there why.",
        retry_after_s=5,
    )
