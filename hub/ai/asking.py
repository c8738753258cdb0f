"""One request to the models of a plan: the next one where a server cannot answer, told as it
happens, measured, and settled with the quotas."""

import logging
import time
from collections.abc import AsyncGenerator, MutableMapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace

from agent.inference.failures import is_backends_fault
from agent.inference.inference import Inference, Tell, Who, nobody
from agent.inference.rules import (
    Batch,
    Embeddings,
    EmbedRequest,
    Finish,
    Usage,
    canonical_name,
    estimate_tokens,
)
from agent.shared.errors import OrcaError
from hub.access import Principal
from hub.ai.choosing import Offer, Speed
from hub.ai.planning import Plan
from hub.limits.quotas import Quotas
from hub.limits.rules import Outcome, Reservation, Used

# A slow answer now and then does not make a model a slow one.
WEIGHT = 0.2
ELSEWHERE = {"model-not-found", "no-vision", "no-tools", "quota-exceeded"}

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Asked:
    """How a request goes: what counts for quotas, and what is shown of it. `held` is what is set
    aside for the model that is asked, so that another one is asked under its own name."""

    who: Principal
    held: Reservation
    model: str
    provider: str
    prompt_tokens: int
    answer_tokens: int = 0
    usage: Usage | None = None
    finish_reason: str | None = None
    said: int = 0  # tokens, as far as they can be told before the end
    began_s: float = field(default_factory=time.perf_counter)
    reasons: list[dict[str, object]] = field(default_factory=list)

    def take(self, batch: Batch) -> None:
        for item in batch:
            if isinstance(item, Finish):
                self.usage, self.finish_reason = item.usage, item.reason
            else:
                self.said += estimate_tokens(item.text) if len(item.text) > 16 else 1

    def used(self, outcome: Outcome) -> Used:
        usage, seconds = self.usage, time.perf_counter() - self.began_s
        if usage is not None:
            tokens = usage.prompt_tokens or self.prompt_tokens, usage.completion_tokens
        else:
            tokens = (self.prompt_tokens if self.said else 0), self.said
        return Used(*tokens, seconds, self.provider, outcome)


class Asking:
    """Everything that a model of the team is asked goes through here."""

    def __init__(
        self,
        inference: Inference,
        quotas: Quotas,
        speeds: MutableMapping[tuple[str, str], Speed],
    ) -> None:
        self._inference, self._quotas, self._speeds = inference, quotas, speeds

    async def reserve(self, who: Principal, plan: Plan) -> Reservation:
        """Raises TooMany `quota-exceeded`."""
        return await self._quotas.reserve(
            who,
            plan.first.offer.model,
            prompt_tokens=plan.prompt_tokens,
            answer_tokens=plan.answer_tokens,
        )

    def begun(self, plan: Plan, who: Principal, held: Reservation) -> Asked:
        """`held` is of `reserve`."""
        offer = plan.first.offer
        tokens = plan.prompt_tokens, plan.answer_tokens
        return Asked(who, held, offer.model, offer.provider, *tokens)

    async def answer(
        self, plan: Plan, client: Who, asked: Asked, tell: Tell = nobody
    ) -> AsyncGenerator[Batch, None]:
        """The answer of the first that can give one. `tell` hears what Inference tells, and
        `backend` {"model", "provider", "instead_of", "reason"} where another one has to."""
        for at, step in enumerate(plan.steps):
            is_last = at == len(plan.steps) - 1

            def told(event: str, data: dict[str, object], clamped: object = step.clamped) -> None:
                tell(
                    event, {**data, "clamped": clamped} if clamped and event == "started" else data
                )

            stream = self._inference.chat(
                step.request, client, tell=told, only=step.offer.provider, is_patient=is_last
            )
            async with aclosing(stream):
                try:
                    await self._turn_to(asked, step.offer)
                    first = await anext(stream)
                except OrcaError as err:
                    if is_last or not _may_go_on(err):
                        raise
                    reason = _reason(plan, at, err)
                    asked.reasons.append(reason)
                    tell("backend", reason)
                    continue
                asked.take(first)
                yield first
                async for batch in stream:
                    asked.take(batch)
                    yield batch
            self._learn(asked)
            return

    async def embed(
        self, who: Principal, offers: Sequence[Offer], request: EmbedRequest, prompt_tokens: int
    ) -> Embeddings:
        """One vector for each text, of the first that can. Raises TooMany `quota-exceeded`."""
        held = await self._quotas.reserve(
            who, offers[0].model, prompt_tokens=prompt_tokens, answer_tokens=0
        )
        asked = Asked(who, held, offers[0].model, offers[0].provider, prompt_tokens)
        outcome: Outcome = "failed"
        try:
            found = await self._embedded(client_of(who), offers, request, asked)
            outcome = "done"
        finally:
            await self.settle(asked, outcome)
        return found

    async def _embedded(
        self, client: Who, offers: Sequence[Offer], request: EmbedRequest, asked: Asked
    ) -> Embeddings:
        for at, offer in enumerate(offers):
            wanted = replace(request, model=offer.model)
            try:
                await self._turn_to(asked, offer)
                found = await self._inference.embed(wanted, client, only=offer.provider)
            except OrcaError as err:
                if at == len(offers) - 1 or not _may_go_on(err):
                    raise
            else:
                asked.usage = Usage(found.prompt_tokens, 0, 0.0, 0.0, 0.0, found.total_ms)
                return found
        raise AssertionError("the last one returns or raises")

    async def _turn_to(self, asked: Asked, offer: Offer) -> None:
        """What is set aside for one model does not stand for another, which may have other quotas
        and another price. Raises TooMany `quota-exceeded`."""
        if canonical_name(offer.model) != canonical_name(asked.model):
            await self.release(asked.held)  # first: a quota of all models would count it twice
            asked.held = await self._quotas.reserve(
                asked.who,
                offer.model,
                prompt_tokens=asked.prompt_tokens,
                answer_tokens=asked.answer_tokens,
            )
        asked.model, asked.provider = offer.model, offer.provider

    async def settle(self, asked: Asked, outcome: Outcome) -> None:
        """Never keeps an answer from its end: what cannot be settled now ends by itself."""
        reservation, used = asked.held, asked.used(outcome)
        try:
            await self._quotas.settle(reservation, used)
        except OrcaError as err:
            log.error("usage of %s cannot be counted: %s", reservation.model, err.detail)

    async def release(self, reservation: Reservation) -> None:
        """As `settle`."""
        try:
            await self._quotas.release(reservation)
        except OrcaError as err:
            log.error("a reservation cannot be given back: %s", err.detail)

    def _learn(self, asked: Asked) -> None:
        usage, key = asked.usage, (asked.provider, canonical_name(asked.model))
        if usage is None or usage.tokens_per_second <= 0:
            return
        old = self._speeds.get(key)
        if old is None:
            self._speeds[key] = Speed(usage.tokens_per_second, usage.first_token_ms)
            return
        self._speeds[key] = Speed(
            old.tokens_per_second + WEIGHT * (usage.tokens_per_second - old.tokens_per_second),
            old.first_token_ms + WEIGHT * (usage.first_token_ms - old.first_token_ms),
        )


def client_of(who: Principal) -> Who:
    """Who stands in the queue before a model: each person has the same share."""
    return Who(who.account_id)


def _may_go_on(err: OrcaError) -> bool:
    """Whether another model may do better; a bad request is bad everywhere."""
    return is_backends_fault(err) or err.code in ELSEWHERE


def _reason(plan: Plan, at: int, err: OrcaError) -> dict[str, object]:
    before, after = plan.steps[at].offer, plan.steps[at + 1].offer
    return {
        "model": after.model,
        "provider": after.provider,
        "instead_of": {"model": before.model, "provider": before.provider},
        "code": err.code,
        "reason": err.detail,
    }
