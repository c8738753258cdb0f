"""Machines over HTTP."""

from quart import Blueprint, Response

from agent.shared.cursors import cursor_of, last_of
from agent.shared.web import asks, gives, gives_media, json, takes
from hub.access import caller, machine, person
from hub.guard import no_content
from hub.machines import shapes
from hub.machines.service import MachineService

MOST = 200


def routes(machines: MachineService) -> Blueprint:
    bp = Blueprint("machines", __name__, url_prefix="/api/v1/machines")

    @bp.get("")
    @person
    @asks(shapes.MachineQuery)
    @gives(shapes.MachinesOut)
    async def list_machines(query: shapes.MachineQuery) -> Response:
        """One's own, the newest first; with `all` an Administrator sees those of everybody."""
        limit = min(max(query.limit, 1), MOST)
        rows = await machines.found(
            caller(), of_all=query.all, before=last_of(query.cursor), limit=limit
        )
        cursor = cursor_of(rows[-1]["id"]) if len(rows) == limit else None
        return json({"items": [shapes.machine(row) for row in rows], "next_cursor": cursor})

    @bp.get("/me")
    @machine
    @gives(shapes.MachineOut)
    async def show_this() -> Response:
        """The machine that asks, and whose it is."""
        who = caller()
        return json(shapes.machine(await machines.get(who, who.means_id)))

    @bp.delete("/me")
    @machine
    @gives_media(204)
    async def remove_this() -> Response:
        """The machine that asks signs out: its tokens end."""
        who = caller()
        await machines.remove(who, who.means_id)
        return no_content()

    @bp.patch("/<machine_id>")
    @person
    @takes(shapes.MachineChange)
    @gives(shapes.MachineOut)
    async def rename_machine(machine_id: str, asked: shapes.MachineChange) -> Response:
        """Another name."""
        return json(shapes.machine(await machines.rename(caller(), machine_id, asked.name)))

    @bp.delete("/<machine_id>")
    @person
    @gives_media(204)
    async def remove_machine(machine_id: str) -> Response:
        """Throws it out: its tokens end at once."""
        await machines.remove(caller(), machine_id)
        return no_content()

    return bp
