"""Names that stand for models, as Administrators set them."""

from agent.shared.errors import Conflict, Invalid, NotFound
from hub.ai.admin import MOST, Json, Written
from hub.ai.choosing import ANY
from hub.ai.configuration import changed
from hub.ai.store import Models, Row


class RouteService:
    """Which names stand for which models, in which order."""

    def __init__(self, written: Written) -> None:
        self._written = written

    async def list_all(self) -> list[Row]:
        async with self._written.database.reading() as connection:
            models = Models(connection)
            known = await self._known(models)
            return [_marked(row, known) for row in await models.routes()]

    async def add(self, values: Json) -> Row:
        """Raises Conflict where there are too many or one of this name, and Invalid for a server
        that there is not."""
        now = self._written.now
        row = {**values, "id": self._written.new_id(), "created_at": now, "updated_at": now}
        async with self._written.database.writing() as connection:
            await changed(connection)
            models = Models(connection)
            known = await self._known(models)
            _check(values, known)
            there = await models.routes()
            if len(there) >= MOST:
                raise Conflict("too-many-routes", f"There are {MOST} routes already.")
            _check_free(values, there)
            await models.add_route(row)
            await self._written.audit.note(connection, "route.add", row["pattern"], **values)
        await self._written.configuration.look()
        return _marked(row, known)

    async def change(self, route_id: str, values: Json) -> Row:
        """Raises NotFound, and Conflict and Invalid as `add`."""
        async with self._written.database.writing() as connection:
            await changed(connection)
            models = Models(connection)
            known = await self._known(models)
            _check(values, known)
            _check_free(values, [one for one in await models.routes() if one["id"] != route_id])
            now = {**values, "updated_at": self._written.now}
            row = await models.change_route(route_id, now)
            if row is None:
                raise _no_such_route()
            await self._written.audit.note(connection, "route.change", row["pattern"], **values)
        await self._written.configuration.look()
        return _marked(row, known)

    async def remove(self, route_id: str) -> None:
        """Raises NotFound."""
        async with self._written.database.writing() as connection:
            await changed(connection)
            pattern = await Models(connection).remove_route(route_id)
            if pattern is None:
                raise _no_such_route()
            await self._written.audit.note(connection, "route.remove", pattern)
        await self._written.configuration.look()

    async def _known(self, models: Models) -> set[str]:
        fixed = {one.name for one in self._written.configuration.fixed}
        return fixed | {row["name"] for row in await models.providers()}


def _check(values: Json, known: set[str]) -> None:
    """Raises Invalid where a candidate is at a server that there is not."""
    errors = [
        {"field": f"candidates.{at}.provider", "detail": _unknown(one["provider"], known)}
        for at, one in enumerate(values.get("candidates", ()))
        if one["provider"] not in {*known, ANY}
    ]
    if errors:
        raise Invalid("unknown-provider", errors[0]["detail"], errors=errors)


def _check_free(values: Json, others: list[Row]) -> None:
    """Of two that match the same the second would never be asked."""
    wanted = values.get("pattern")
    if wanted is not None and wanted.lower() in {one["pattern"].lower() for one in others}:
        raise Conflict("route-taken", f"There is a route called {wanted} already.")


def _unknown(name: str, known: set[str]) -> str:
    there = f"There are: {', '.join(sorted(known))}." if known else "There is none yet."
    return f"There is no model server called {name}. {there}"


def _marked(row: Row, known: set[str]) -> Row:
    """With whether the server of each candidate is there: one that the environment or the file
    named may be gone since the last start."""
    candidates = [
        {**one, "is_missing": one["provider"] not in {*known, ANY}} for one in row["candidates"]
    ]
    return {**row, "candidates": candidates}


def _no_such_route() -> NotFound:
    return NotFound("no-such-route-rule", "There is no route with this id.")
