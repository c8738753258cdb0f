"""Model servers, routes and policy over HTTP."""

from quart import Blueprint, Response

from agent.shared.web import gives, gives_media, json, takes
from hub.access import administrator, caller, member
from hub.ai import admin_shapes as shapes
from hub.ai.admin import PolicyService, ProviderService
from hub.ai.catalogue import Catalogue
from hub.ai.route_service import RouteService
from hub.guard import no_content


def routes(
    providers: ProviderService, routing: RouteService, policy: PolicyService, catalogue: Catalogue
) -> tuple[Blueprint, ...]:
    return _providers(providers), _routing(routing), _policy(policy, catalogue)


def _providers(providers: ProviderService) -> Blueprint:
    bp = Blueprint("providers", __name__, url_prefix="/api/v1/providers")

    @bp.get("")
    @administrator
    @gives(shapes.ProvidersOut)
    async def list_all() -> Response:
        """Every model server, as it stands now."""
        return json({"items": await providers.list_all(), "next_cursor": None})

    @bp.post("")
    @administrator
    @takes(shapes.ProviderIn)
    @gives(shapes.ProviderOut, 201)
    async def add(asked: shapes.ProviderIn) -> Response:
        """Add a model server. It need not be up."""
        return json(await providers.add(asked), 201)

    @bp.get("/<provider_id>")
    @administrator
    @gives(shapes.ProviderOut)
    async def one(provider_id: str) -> Response:
        """One model server."""
        return json(await providers.get(provider_id))

    @bp.patch("/<provider_id>")
    @administrator
    @takes(shapes.ProviderChange)
    @gives(shapes.ProviderOut)
    async def change(provider_id: str, asked: shapes.ProviderChange) -> Response:
        """Change a model server that was added here."""
        return json(await providers.change(provider_id, asked.values()))

    @bp.delete("/<provider_id>")
    @administrator
    @gives_media(204)
    async def remove(provider_id: str) -> Response:
        """Remove a model server that was added here."""
        await providers.remove(provider_id)
        return no_content()

    @bp.post("/<provider_id>/test")
    @administrator
    @gives(shapes.TestOut)
    async def test(provider_id: str) -> Response:
        """Ask a model server what it has, and see how long that takes."""
        return json(await providers.test(provider_id))

    return bp


def _routing(routing: RouteService) -> Blueprint:
    bp = Blueprint("model_routes", __name__, url_prefix="/api/v1/routes")

    @bp.get("")
    @administrator
    @gives(shapes.RoutesOut)
    async def list_all() -> Response:
        """Every route, in the order in which they are looked at."""
        rows = await routing.list_all()
        return json({"items": [shapes.route_json(row) for row in rows], "next_cursor": None})

    @bp.post("")
    @administrator
    @takes(shapes.RouteIn)
    @gives(shapes.RouteOut, 201)
    async def add(asked: shapes.RouteIn) -> Response:
        """Let names stand for models."""
        return json(shapes.route_json(await routing.add(asked.model_dump())), 201)

    @bp.patch("/<route_id>")
    @administrator
    @takes(shapes.RouteChange)
    @gives(shapes.RouteOut)
    async def change(route_id: str, asked: shapes.RouteChange) -> Response:
        """Change a route; what is absent stays."""
        return json(shapes.route_json(await routing.change(route_id, shapes.sent(asked))))

    @bp.delete("/<route_id>")
    @administrator
    @gives_media(204)
    async def remove(route_id: str) -> Response:
        """Remove a route."""
        await routing.remove(route_id)
        return no_content()

    return bp


def _policy(policy: PolicyService, catalogue: Catalogue) -> Blueprint:
    bp = Blueprint("policy", __name__, url_prefix="/api/v1/policy")

    @bp.get("")
    @administrator
    @gives(shapes.PolicyOut)
    async def rules() -> Response:
        """Who may use which models, and whose text may leave for a cloud."""
        return json({"rules": [shapes.rule_json(row) for row in await policy.rules()]})

    @bp.put("")
    @administrator
    @takes(shapes.PolicyIn)
    @gives(shapes.PolicyOut)
    async def replace(asked: shapes.PolicyIn) -> Response:
        """Set all rules anew."""
        rows = await policy.replace([one.model_dump() for one in asked.rules])
        return json({"rules": [shapes.rule_json(row) for row in rows]})

    @bp.get("/me")
    @member("ai")
    @gives(shapes.MyPolicyOut)
    async def mine() -> Response:
        """What holds for you."""
        return json(catalogue.policy(caller()))

    return bp
