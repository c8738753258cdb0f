"""Answers that are not kept: who leaves stops the model. What other people's clients ask for."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from agent.inference.fitting import MESSAGE_TOKENS
from agent.inference.options import OPTIONS
from agent.inference.rules import Batch, Embeddings, EmbedRequest, canonical_name, estimate_tokens
from agent.inference.wanted import Wanted
from agent.shared.errors import Invalid
from agent.shared.tasks import Tasks
from hub.access import Principal
from hub.ai.asking import Asking, client_of
from hub.ai.catalogue import Catalogue
from hub.ai.choosing import Offer, is_for_code
from hub.ai.planning import Planner
from hub.ai.rules import GenerationRequest, Use
from hub.limits.rules import Outcome

Json = dict[str, Any]  # Any: JSON


class Direct:
    """Through the same policy, routes, quotas and queues as every run."""

    def __init__(
        self, planner: Planner, asking: Asking, catalogue: Catalogue, settling: Tasks
    ) -> None:
        """`settling` owns what is counted after a reader has left."""
        self._planner, self._asking, self._catalogue = planner, asking, catalogue
        self._settling = settling

    async def answer(
        self, who: Principal, wanted: Wanted, fallbacks: list[Json]
    ) -> AsyncGenerator[Batch, None]:
        """The answer as it arrives. Closing the generator stops the model. `fallbacks` are told
        why others do not answer, all of it before the first batch."""
        plan = await self._planner.plan(who, _request(wanted))
        held = await self._asking.reserve(who, plan)
        asked = self._asking.begun(plan, who, held)
        asked.reasons = fallbacks
        outcome: Outcome = "failed"
        try:
            async with aclosing(self._asking.answer(plan, client_of(who), asked)) as batches:
                async for batch in batches:
                    yield batch
            outcome = "done"
        except (asyncio.CancelledError, GeneratorExit):
            outcome = "cancelled"
            raise
        finally:
            settling = self._asking.settle(asked, outcome)
            if outcome == "cancelled":  # nobody waits for it
                self._settling.start(settling, name=f"settle {held.id}")
            else:
                await settling

    async def embed(
        self, who: Principal, request: EmbedRequest, fallbacks: list[Json]
    ) -> Embeddings:
        """One vector for each text. As `answer`; raises Invalid `no-embedding`, too."""
        choice = await self._planner.choose(who, request.model)
        able = choice.able(_embeds, "no-embedding", "{model} makes no embeddings.")
        if not able:
            name = choice.name
            raise Invalid(
                "no-embedding",
                f"{name} makes no embeddings. Choose a model that does, such as embeddinggemma.",
                model=name,
            )
        prompt = sum(estimate_tokens(text) + MESSAGE_TOKENS for text in request.input)
        return await self._asking.embed(who, able, request, prompt, fallbacks)

    async def models(self, who: Principal) -> list[Json]:
        """Every name once, with what agents want to know of it."""
        found: dict[str, Json] = {}
        for offer in await self._planner.visible(who):
            found.setdefault(canonical_name(offer.model), _model(offer.model, offer))
        for route in (await self._catalogue.models(who))["routes"]:
            choice = await self._planner.choose(who, route["name"])
            found.setdefault(canonical_name(route["name"]), _model(route["name"], choice.first))
        return list(found.values())

    async def model(self, who: Principal, name: str) -> Json:
        """Raises NotFound or Denied."""
        return _model(name, (await self._planner.choose(who, name)).first)


def _embeds(offer: Offer) -> bool:
    return not offer.capabilities or "embedding" in offer.capabilities


def _request(wanted: Wanted) -> GenerationRequest:
    use: Use = "code" if is_for_code(wanted.model) else "chat"
    known = {name: value for name, value in wanted.options.items() if name in OPTIONS}
    if use == "chat":  # what these clients are used to: all the room there is
        known = {"num_predict": -1, **known}
    return GenerationRequest(
        wanted.messages,
        wanted.model,
        use,
        known,
        wanted.think,
        wanted.format,
        wanted.tools,
        wanted.tool_choice,
        wanted.logprobs,
        wanted.top_logprobs,
        wanted.keep_alive,
    )


def _model(name: str, offer: Offer) -> Json:
    told: Json = {
        "id": name,
        "object": "model",
        "created": 0,
        "owned_by": offer.provider,
        "capabilities": list(offer.capabilities),
    }
    if offer.context_length:
        told["context_length"] = offer.context_length
    return told
