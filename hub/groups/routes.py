"""Groups over HTTP."""

from quart import Blueprint, Response

from agent.shared.cursors import cursor_of, last_of
from agent.shared.web import asks, gives, gives_media, json, takes
from hub.access import administrator
from hub.groups import shapes
from hub.groups.service import GroupService
from hub.guard import no_content

MOST = 200


def routes(groups: GroupService) -> Blueprint:
    bp = Blueprint("groups", __name__, url_prefix="/api/v1/groups")

    @bp.get("")
    @administrator
    @asks(shapes.GroupQuery)
    @gives(shapes.GroupsOut)
    async def list_groups(query: shapes.GroupQuery) -> Response:
        """By name; `q` looks in names."""
        limit = min(max(query.limit, 1), MOST)
        found = await groups.found(query.q, last_of(query.cursor), limit)
        cursor = cursor_of(found[-1].row["name"]) if len(found) == limit else None
        return json({"items": [shapes.group(one) for one in found], "next_cursor": cursor})

    @bp.post("")
    @administrator
    @takes(shapes.GroupIn)
    @gives(shapes.GroupOut, 201)
    async def add_group(asked: shapes.GroupIn) -> Response:
        """One of this hub's own."""
        return json(shapes.group(await groups.add(asked.name, asked.role)), 201)

    @bp.get("/<group_id>")
    @administrator
    @gives(shapes.GroupOut)
    async def show_group(group_id: str) -> Response:
        """One group."""
        return json(shapes.group(await groups.get(group_id)))

    @bp.patch("/<group_id>")
    @administrator
    @takes(shapes.GroupChange)
    @gives(shapes.GroupOut)
    async def change_group(group_id: str, asked: shapes.GroupChange) -> Response:
        """Its name, or what everybody in it may do. `role` null: nothing more than without it."""
        values = asked.model_dump(exclude_unset=True)
        if values.get("name", "") is None:
            del values["name"]
        return json(shapes.group(await groups.change(group_id, values)))

    @bp.delete("/<group_id>")
    @administrator
    @gives_media(204)
    async def remove_group(group_id: str) -> Response:
        """The group, and none of the people in it."""
        await groups.remove(group_id)
        return no_content()

    @bp.put("/<group_id>/members/<user_id>")
    @administrator
    @gives_media(204)
    async def put_in_group(group_id: str, user_id: str) -> Response:
        """Puts somebody in."""
        await groups.put_in(group_id, user_id)
        return no_content()

    @bp.delete("/<group_id>/members/<user_id>")
    @administrator
    @gives_media(204)
    async def take_out_of_group(group_id: str, user_id: str) -> Response:
        """Takes somebody out. An identity provider may put them in again."""
        await groups.take_out(group_id, user_id)
        return no_content()

    return bp
