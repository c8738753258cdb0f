"""From what somebody asks to the requests that models get: routes, policy, defaults and room."""

import asyncio
import base64
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import orjson

from agent.images.service import ImageService
from agent.inference.fitting import LEAST_ANSWER, Clamped, Defaults, fitted, prompt_tokens
from agent.inference.options import checked
from agent.inference.rules import ChatRequest, Message, endless
from agent.shared.errors import Denied, Invalid, NotFound, OrcaError, Unavailable
from hub.access import Principal
from hub.ai.choosing import (
    ANY,
    Offer,
    Speed,
    allowed,
    best,
    name_of,
    offers_of,
    ordered,
    route_for,
    rules_for,
)
from hub.ai.configuration import Configuration, nobody
from hub.ai.passing import Choice, Passed, Turn, turns_of
from hub.ai.prices import Prices
from hub.ai.rules import GenerationRequest, Use
from hub.ai.servers import Servers

FIRST_LOOK_S = 3.0
KEEP_ALIVE = "10m"


@dataclass(frozen=True, slots=True)
class Step:
    """One model that may answer, what it would be asked, and who is passed over for it."""

    offer: Offer
    request: ChatRequest
    clamped: Clamped
    passed: tuple[Passed, ...] = ()

    @property
    def most_tokens(self) -> int:
        """How long the answer may be, which the server is told."""
        most = self.request.options["num_predict"]
        return max(1, most) if isinstance(most, int) else 1

    def within(self, most_tokens: int) -> "Step":
        """The same with an answer no longer than what is set aside for it."""
        if (wanted := self.most_tokens) <= most_tokens:
            return self
        options = {**self.request.options, "num_predict": most_tokens}
        shorter: Clamped = {"num_predict": {"asked": wanted, "used": most_tokens}}
        request = replace(self.request, options=options)
        return replace(self, request=request, clamped={**self.clamped, **shorter})


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps in their order; `asked` is the name by which the answer goes, `prompt_tokens` an
    upper estimate and `answer_tokens` what there may be at most, whoever answers."""

    asked: str
    steps: tuple[Step, ...]
    prompt_tokens: int
    answer_tokens: int

    @property
    def first(self) -> Step:
        return self.steps[0]


@dataclass(frozen=True, slots=True)
class ModelDefaults:
    """What holds where a request says nothing."""

    model: Mapping[Use, str]
    rooms: Mapping[Use, Defaults]


class Planner:
    """Knows what may be used by whom, and which of it answers."""

    def __init__(
        self,
        configuration: Configuration,
        servers: Servers,
        images: ImageService,
        prices: Prices,
        speeds: Mapping[tuple[str, str], Speed],
        defaults: ModelDefaults,
    ) -> None:
        self._configuration, self._servers, self._images = configuration, servers, images
        self._prices, self._speeds, self._defaults = prices, speeds, defaults

    async def plan(self, who: Principal, asked: GenerationRequest) -> Plan:
        """Raises Denied `not-allowed-here`, NotFound `model-not-found`, Invalid and Unavailable."""
        options = checked(asked.options)
        choice = await self.choose(who, asked.model, use=asked.use)
        what = "see images" if asked.has_images else "answer; it makes vectors"
        able = choice.able(
            _sees if asked.has_images else _talks, "no-such-ability", f"{{model}} cannot {what}."
        )
        if not able:
            name = choice.name
            raise Invalid("no-such-ability", f"{name} cannot {what}.", model=name)
        messages = tuple([await self._with_images(one) for one in asked.messages])
        beside = orjson.dumps(asked.tools).decode() if asked.tools else ""
        prompt = prompt_tokens(messages, beside)
        steps = tuple(self._step(one, asked, messages, options, prompt) for one in able)
        return Plan(choice.name, steps, prompt, max(one.most_tokens for one in steps))

    async def choose(self, who: Principal, named: str | None, *, use: Use = "chat") -> Choice:
        """The name that was meant, and what can answer to it, in order."""
        await self._first_look()
        rules = rules_for(self._configuration.rules, who.groups)
        there = self._servers.offers()
        name = wanted = named or self._defaults.model[use]
        if not name:
            mine = [one for one in there if one.is_up and allowed(rules, one)]
            if (chosen := best(mine, for_code=use == "code")) is None:
                raise _none_for(there)
            name = chosen.model
        route = route_for(self._configuration.routes, name)
        found = [self._known(one) for one in offers_of(route, name, there)]
        if not self._servers.is_any_up():
            raise nobody()
        if not any(one.is_there for one in found):
            raise NotFound("model-not-found", f"There is no model called {name} here.", model=name)
        open_to_me = {one for one in found if allowed(rules, one, name_of(route))}
        if not any(one.is_there for one in open_to_me):
            found = [one for one in found if one.is_there]
            raise Denied("not-allowed-here", _refusal(name, found), model=name)
        # Where nobody wanted this one, nobody said either that text may leave for it.
        by = route.by if route else "order" if wanted else "place"
        price = (await self._prices.price()) if by == "cost" else _free
        # Without a route nobody has said that another one should come first.
        ranked = ordered(
            found if route else [one for one in found if one in open_to_me],
            by,
            speeds=self._speeds,
            price=price,
        )
        turns = turns_of(ranked, name, is_open=open_to_me.__contains__, trouble=self._trouble)
        return Choice(name, turns)

    async def visible(self, who: Principal) -> list[Offer]:
        """Everything that somebody may use."""
        await self._first_look()
        rules = rules_for(self._configuration.rules, who.groups)
        return [one for one in self._servers.offers() if one.is_up and allowed(rules, one)]

    def _known(self, offer: Offer) -> Offer:
        """With what is set of its server, where nothing but a route names it."""
        spec = next((one for one in self._configuration.specs if one.name == offer.provider), None)
        if offer.is_there or spec is None:
            return offer
        return replace(offer, is_cloud=spec.is_cloud, priority=spec.priority)

    def _trouble(self, offer: Offer) -> OrcaError:
        """Why a model that a route names is not there."""
        model, provider = offer.model, offer.provider
        if provider == ANY:
            return NotFound("model-not-found", f"No model server has a model called {model}.")
        spec = next((one for one in self._configuration.specs if one.name == provider), None)
        if spec is None:
            return NotFound("no-such-provider", f"There is no model server called {provider}.")
        if not spec.is_on:
            return Unavailable("backend-off", f"The model server {provider} is switched off.")
        return self._servers.why_not(provider, model)

    def _step(
        self,
        turn: Turn,
        asked: GenerationRequest,
        messages: tuple[Message, ...],
        options: Mapping[str, object],
        prompt: int,
    ) -> Step:
        offer, room = turn.offer, self._defaults.rooms[asked.use]
        wanted = dict(options)
        if asked.use == "code" and prompt + LEAST_ANSWER < room.context_tokens:
            # The same context each time, so that the model stays in memory as it is.
            wanted = {"num_ctx": room.context_tokens, **wanted}
        if offer.is_cloud and endless(options.get("num_predict")):
            wanted["num_predict"] = -1  # all that there is room for, since it may think as well
        used, clamped = fitted(wanted, room, context_length=offer.context_length, prompt=prompt)
        request = ChatRequest(
            offer.model,
            messages,
            used,
            think=asked.think,
            format=asked.format,
            keep_alive=KEEP_ALIVE if asked.keep_alive is None else asked.keep_alive,
            tools=asked.tools,
            tool_choice=asked.tool_choice,
            logprobs=asked.logprobs,
            top_logprobs=asked.top_logprobs,
        )
        shown = {name: change for name, change in clamped.items() if name in options}
        return Step(offer, request, shown, turn.passed)

    async def sees(self, who: Principal, named: str | None) -> bool:
        """Whether any of what answers to the name can look at pictures. Raises as `choose`."""
        return bool((await self.choose(who, named)).able(_sees, "", ""))

    async def shrunk(self, data: bytes) -> tuple[bytes, int, int]:
        """A picture as models get it, its width and its height. Raises UnsupportedMedia, Invalid,
        TooLarge and Unavailable."""
        small = base64.b64decode(await self._images.bytes_for_model(data))
        _, width, height = await self._images.check(small)
        return small, width, height

    async def _with_images(self, message: Message) -> Message:
        if not message.images:
            return message
        if any(not image.startswith("data:") for image in message.images):
            raise Invalid("bad-data-url", "Send pictures as data URLs (data:image/png;base64,...).")
        shrunk = [await self._images.for_model(image) for image in message.images]
        return replace(message, images=tuple(shrunk))

    async def _first_look(self) -> None:
        """Just after the start, or after a server was added, its models are waited for."""
        for backend in self._servers.unasked():
            with suppress(TimeoutError, OrcaError):
                async with asyncio.timeout(FIRST_LOOK_S):
                    await backend.check_now()


def _talks(offer: Offer) -> bool:
    return offer.talks


def _sees(offer: Offer) -> bool:
    return offer.talks and (not offer.capabilities or "vision" in offer.capabilities)


def _none_for(there: Sequence[Offer]) -> OrcaError:
    if not there:
        return nobody()
    return Denied("not-allowed-here", "No model is open to you. Ask an Administrator.")


def _refusal(name: str, found: Sequence[Offer]) -> str:
    if all(one.leaves for one in found):
        return (
            f"{name} runs in a cloud or is not open to your groups. What you ask may not leave "
            "for there."
        )
    return f"{name} is not open to your groups. Ask an Administrator."


def _free(model: str, provider: str) -> int | None:
    return None
