"""What somebody may use, and why not the rest: models, routes and policy as they are shown."""

from collections.abc import Mapping
from typing import Any

from agent.inference.rules import canonical_name
from agent.shared.errors import OrcaError
from hub.access import Principal
from hub.ai import shapes
from hub.ai.choosing import ANY, Offer, Speed, rules_for
from hub.ai.configuration import Configuration
from hub.ai.planning import Planner

Json = dict[str, Any]  # Any: JSON


class Catalogue:
    """Read from what is known here already: nobody waits for a model server."""

    def __init__(
        self,
        configuration: Configuration,
        planner: Planner,
        speeds: Mapping[tuple[str, str], Speed],
    ) -> None:
        self._configuration, self._planner, self._speeds = configuration, planner, speeds

    async def models(self, who: Principal) -> Json:
        """As /ai/models tells them."""
        offers = await self._planner.visible(who)
        items = [
            shapes.model_json(one, self._speeds.get((one.provider, canonical_name(one.model))))
            for one in offers
        ]
        names = sorted(
            {one.pattern for one in self._configuration.routes if ANY not in one.pattern}
        )
        routes = [
            {"name": name, "model": first.model, "is_cloud": first.leaves}
            for name in names
            if (first := await self._first(who, name))
        ]
        chat = await self._first(who, None)
        code = await self._first(who, None, for_code=True)
        return {
            "items": items,
            "routes": routes,
            "default_model": chat.model if chat else None,
            "code_model": code.model if code else None,
            "next_cursor": None,
        }

    def policy(self, who: Principal) -> Json:
        """What holds for somebody. `models` and `providers` are what any of the rules allows."""
        rules = rules_for(self._configuration.rules, who.groups)
        return {
            "cloud": any(rule.cloud for rule in rules),
            "models": sorted({one for rule in rules for one in rule.models}),
            "providers": sorted({one for rule in rules for one in rule.providers}),
            "rules": [
                {
                    "subject_kind": rule.subject_kind,
                    "subject": rule.subject,
                    "models": list(rule.models),
                    "providers": list(rule.providers),
                    "cloud": rule.cloud,
                }
                for rule in rules
            ],
        }

    async def _first(
        self, who: Principal, name: str | None, *, for_code: bool = False
    ) -> Offer | None:
        try:
            choice = await self._planner.choose(who, name, use="code" if for_code else "chat")
        except OrcaError:
            return None
        return choice.first
