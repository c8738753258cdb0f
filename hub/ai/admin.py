"""Model servers, routes and policy, as Administrators set them."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.inference.openai_facts import is_remote
from agent.shared.clock import Clock, NewId, rfc3339
from agent.shared.databases import Databases
from agent.shared.errors import Conflict, Invalid, NotFound, OrcaError
from agent.shared.web import read
from hub.ai.configuration import Configuration, changed, sealed_for
from hub.ai.servers import TRIED_WITHIN_S, Servers, tried
from hub.ai.specs import ProviderFields, Spec, spec_of
from hub.ai.store import Models, Row
from hub.audit.service import AuditService
from hub.sealing import Seal

MOST = 500
Json = dict[str, Any]  # Any: JSON


@dataclass(frozen=True, slots=True)
class Written:
    """What every change goes through: the database, the log, and this replica's own view."""

    database: Databases
    audit: AuditService
    configuration: Configuration
    clock: Clock
    new_id: NewId

    @property
    def now(self) -> str:
        return rfc3339(self.clock())


class ProviderService:
    """Adds, changes, tests and removes model servers. A key goes in and never comes out."""

    def __init__(self, written: Written, servers: Servers, seal: Seal, *, parallel: int) -> None:
        self._written, self._servers, self._seal = written, servers, seal
        self._configuration, self._parallel = written.configuration, parallel

    async def list_all(self) -> list[Json]:
        await self._configuration.look()
        return [self.told(one) for one in self._configuration.specs]

    async def get(self, provider_id: str) -> Json:
        return self.told(await self._spec(provider_id))

    async def add(self, asked: ProviderFields) -> Json:
        """Raises Conflict for a name that is taken and Invalid for an address that cannot be."""
        spec = _spec_of(asked, self._written.new_id(), self._parallel)
        if any(one.name == spec.name for one in self._configuration.fixed):
            raise _taken(spec.name)
        row = {**self._row(spec), "id": spec.id, "created_at": self._written.now}
        async with self._written.database.writing() as connection:
            await changed(connection)
            if not await Models(connection).add_provider(row):
                raise _taken(spec.name)
            await self._note(connection, "provider.add", spec)
        return await self._looked(spec)

    async def change(self, provider_id: str, values: Json) -> Json:
        """`values` are fields of ProviderFields; an absent one stays. A key does not follow to
        another server, nor does the word that it is no cloud. Raises as `add`, NotFound, and
        Conflict for another name than routes know it by."""
        await self._may_change(provider_id)
        async with self._written.database.writing() as connection:
            await changed(connection)
            row = await Models(connection).provider(provider_id)
            if row is None:
                raise _no_such_provider()
            names = ("name", "kind", "url", "is_cloud", "priority", "parallel", "models", "is_on")
            before = {n: row[n] for n in names}
            if not row["is_cloud"] and _moved(row["url"], str(values.get("url", row["url"]))):
                before["is_cloud"] = None  # its address says it, unless somebody does
            asked = read(ProviderFields, {**before, **values})
            spec = _spec_of(asked, provider_id, self._parallel)
            await self._check_name(connection, spec)
            if spec.name != row["name"]:
                await _check_unused(connection, row["name"])
            kept = None if values.get("key") or _moved(row["url"], spec.url) else row["key_sealed"]
            if "key" in values and values["key"] is None:
                kept = None
            sealed = kept or self._row(spec)["key_sealed"]
            await Models(connection).change_provider(
                provider_id, {**self._row(spec), "key_sealed": sealed}
            )
            await self._note(connection, "provider.change", spec, fields=sorted(values))
        return await self._looked(spec)

    async def remove(self, provider_id: str) -> None:
        """What it answers now goes on to its end. Raises NotFound, and Conflict, also while routes
        name it."""
        await self._may_change(provider_id)
        async with self._written.database.writing() as connection:
            await changed(connection)
            name = await Models(connection).remove_provider(provider_id)
            if name is None:
                raise _no_such_provider()
            await _check_unused(connection, name)
            await self._written.audit.note(connection, "provider.remove", name)
        await self._configuration.look()

    async def test(self, provider_id: str) -> Json:
        """Asks the server now, with a connection of its own. Raises NotFound."""
        spec = await self._spec(provider_id)
        told: Json = {"is_up": False, "latency_ms": None, "version": None, "models": []}
        try:
            async with asyncio.timeout(TRIED_WITHIN_S):
                took_ms, version, models = await tried(self._servers.provider(spec))
        except TimeoutError:
            return {**told, "detail": f"No answer within {TRIED_WITHIN_S:g} s."}
        except OrcaError as err:
            return {**told, "detail": err.detail}
        await self._servers.look(spec.name)
        return {
            "is_up": True,
            "latency_ms": round(took_ms, 1),
            "version": version or None,
            "models": models,
            "detail": None,
        }

    def told(self, spec: Spec) -> Json:
        """As the API has it: whether there is a key, never which."""
        state = self._servers.state(spec.name) or {}
        return {
            "id": spec.id,
            "name": spec.name,
            "kind": spec.kind,
            "url": spec.url,
            "source": spec.source,
            "has_key": bool(spec.key),
            "is_cloud": spec.is_cloud,
            "follows_address": spec.is_cloud == is_remote(spec.url),
            "priority": spec.priority,
            "parallel": spec.parallel,
            "models": list(spec.models),
            "is_on": spec.is_on,
            "state": state.get("state", "off" if not spec.is_on else "unknown"),
            "detail": state.get("detail"),
            "warning": state.get("warning"),
            "version": state.get("version"),
            "models_count": state.get("models_count", 0),
            "in_flight": state.get("in_flight", 0),
            "breaker": state.get("breaker", "closed"),
        }

    async def _spec(self, provider_id: str) -> Spec:
        await self._configuration.look()
        if (spec := self._configuration.spec(provider_id)) is None:
            raise _no_such_provider()
        return spec

    async def _may_change(self, provider_id: str) -> None:
        if any(one.id == provider_id for one in self._configuration.fixed):
            raise Conflict(
                "set-elsewhere",
                "This one is set by the environment or the file of providers: change it there.",
            )

    async def _check_name(self, connection: AsyncConnection, spec: Spec) -> None:
        others = [row for row in await Models(connection).providers() if row["id"] != spec.id]
        names = {row["name"] for row in others} | {one.name for one in self._configuration.fixed}
        if spec.name in names:
            raise _taken(spec.name)

    async def _looked(self, spec: Spec) -> Json:
        await self._configuration.look()
        await self._servers.look(spec.name)
        return self.told(self._configuration.spec(spec.id) or replace(spec, is_on=False))

    async def _note(
        self,
        connection: AsyncConnection,
        action: str,
        spec: Spec,
        **detail: Any,  # Any: JSON
    ) -> None:
        told: Json = {"url": spec.url, "kind": spec.kind, "is_cloud": spec.is_cloud, **detail}
        await self._written.audit.note(connection, action, spec.name, **told)

    def _row(self, spec: Spec) -> Json:
        return {
            "name": spec.name,
            "kind": spec.kind,
            "url": spec.url,
            "key_sealed": self._seal.seal(spec.key, sealed_for(spec.id)) if spec.key else None,
            "is_cloud": spec.is_cloud,
            "priority": spec.priority,
            "parallel": spec.parallel,
            "models": list(spec.models),
            "is_on": spec.is_on,
            "updated_at": self._written.now,
        }


class PolicyService:
    """Who may use what."""

    def __init__(self, written: Written) -> None:
        self._written = written

    async def rules(self) -> list[Row]:
        async with self._written.database.reading() as connection:
            return await Models(connection).policy()

    async def replace(self, rules: Sequence[Mapping[str, Any]]) -> list[Row]:  # Any: JSON
        """In place of what held before. Raises Invalid for two rules of one subject."""
        subjects = [(one["subject_kind"], one["subject"]) for one in rules]
        if len(set(subjects)) != len(subjects):
            raise Invalid(
                "rule-twice",
                "A group has one rule, and everybody has one.",
                errors=[{"field": "rules", "detail": "Two rules are about the same."}],
            )
        async with self._written.database.writing() as connection:
            await changed(connection)
            await Models(connection).keep_policy(rules)
            await self._written.audit.note(
                connection, "policy.change", "policy", rules=[dict(one) for one in rules]
            )
        await self._written.configuration.look()
        return await self.rules()


def _spec_of(asked: ProviderFields, provider_id: str, parallel: int) -> Spec:
    try:
        return spec_of(asked, provider_id, source="console", parallel=parallel)
    except ValueError as err:
        raise Invalid(
            "invalid-address", str(err), errors=[{"field": "url", "detail": str(err)}]
        ) from None


async def _check_unused(connection: AsyncConnection, name: str) -> None:
    patterns = [
        row["pattern"]
        for row in await Models(connection).routes()
        if any(one["provider"] == name for one in row["candidates"])
    ]
    if patterns:
        raise Conflict(
            "provider-in-use",
            f"{name} answers to {', '.join(patterns)}. Take it out of there first.",
            routes=patterns,
        )


def _moved(before: str, after: str) -> bool:
    return urlsplit(before)[:2] != urlsplit(after)[:2]


def _taken(name: str) -> Conflict:
    return Conflict("provider-exists", f"There is a model server called {name} already.")


def _no_such_provider() -> NotFound:
    return NotFound("no-such-provider", "There is no model server with this id.")
