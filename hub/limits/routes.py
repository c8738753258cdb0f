"""Quotas, costs and usage over HTTP."""

from quart import Blueprint, Response

from agent.shared.web import asks, gives, gives_media, json, takes
from hub.access import administrator, caller, member
from hub.guard import no_content
from hub.limits import shapes
from hub.limits.service import LimitService


def quota_routes(limits: LimitService) -> Blueprint:
    bp = Blueprint("quotas", __name__, url_prefix="/api/v1/quotas")

    @bp.get("")
    @administrator
    @gives(shapes.QuotasOut)
    async def list_quotas() -> Response:
        """All that are set, with what is used of them now."""
        items = [{**shapes.quota(row), **now} for row, now in await limits.quotas()]
        return json({"items": items, "next_cursor": None})

    @bp.post("")
    @administrator
    @takes(shapes.QuotaIn)
    @gives(shapes.QuotaOut, 201)
    async def add_quota(asked: shapes.QuotaIn) -> Response:
        """How much somebody, a group, a model or everybody may use in a day or a month (UTC)."""
        return json(shapes.quota(await limits.add_quota(asked.model_dump())), 201)

    @bp.get("/me")
    @member("usage")
    @gives(shapes.OwnQuotasOut)
    async def show_own_quotas() -> Response:
        """What holds for whoever asks, and what is left of it."""
        return json({"items": await limits.own(caller()), "next_cursor": None})

    @bp.get("/<quota_id>")
    @administrator
    @gives(shapes.QuotaOut)
    async def show_quota(quota_id: str) -> Response:
        """One of them."""
        return json(shapes.quota(await limits.quota(quota_id)))

    @bp.patch("/<quota_id>")
    @administrator
    @takes(shapes.QuotaChange)
    @gives(shapes.QuotaOut)
    async def change_quota(quota_id: str, asked: shapes.QuotaChange) -> Response:
        """Other limits; what was used stays counted."""
        values = asked.model_dump(exclude_unset=True)
        return json(shapes.quota(await limits.change_quota(quota_id, values)))

    @bp.delete("/<quota_id>")
    @administrator
    @gives_media(204)
    async def remove_quota(quota_id: str) -> Response:
        """With what was counted for it."""
        await limits.remove_quota(quota_id)
        return no_content()

    return bp


def cost_routes(limits: LimitService) -> Blueprint:
    bp = Blueprint("costs", __name__, url_prefix="/api/v1/costs")

    @bp.get("")
    @administrator
    @gives(shapes.CostsOut)
    async def list_costs() -> Response:
        """What models cost. One that is not here costs nothing."""
        items = [shapes.cost(row) for row in await limits.costs()]
        return json({"items": items, "next_cursor": None})

    @bp.post("")
    @administrator
    @takes(shapes.CostIn)
    @gives(shapes.CostOut, 201)
    async def set_cost(asked: shapes.CostIn) -> Response:
        """Sets it, in the place of that of the same model and provider. From now on: what was used
        keeps its cost."""
        return json(shapes.cost(await limits.set_cost(asked.model_dump())), 201)

    @bp.delete("/<cost_id>")
    @administrator
    @gives_media(204)
    async def remove_cost(cost_id: str) -> Response:
        """From now on it costs nothing."""
        await limits.remove_cost(cost_id)
        return no_content()

    return bp


def usage_routes(limits: LimitService) -> Blueprint:
    bp = Blueprint("usage", __name__, url_prefix="/api/v1/usage")

    @bp.get("")
    @member("usage")
    @asks(shapes.UsageQuery)
    @gives(shapes.UsagesOut)
    async def show_usage(query: shapes.UsageQuery) -> Response:
        """What was used, one's own or, for an Administrator, everybody's."""
        span = limits.span(query.since, query.until, query.user, query.model)
        rows, total = await limits.usage(caller(), query.by, span)
        return json(
            {
                "from": span.since,
                "to": span.until,
                "by": query.by,
                "items": [dict(row) for row in rows],
                "total": dict(total),
                "next_cursor": None,
            }
        )

    return bp
