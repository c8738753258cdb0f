"""One request to the models of a plan: the next one where a server cannot answer, told as it
happens, measured, and settled with the quotas."""

import logging
import time
from collections.abc import AsyncGenerator, MutableMapping, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field, replace

from agent.inference.failures import is_backends_fault
from agent.inference.fitting import LEAST_ANSWER
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
from hub.ai.passing import Passed, Turn, reason
from hub.ai.plainly import plain, told_plainly
from hub.ai.planning import Plan, Step
from hub.limits.quotas import Quotas
from hub.limits.rules import Outcome, Reservation, Used

# A slow answer now and then does not make a model a slow one.
WEIGHT = 0.2
TWICE, ESTIMATED = 2, 64  # how far an estimate of a long piece may be off
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
    pieces: int = 0  # each is a token, or more
    is_cut: bool = False  # at its bound, by us
    began_s: float = field(default_factory=time.perf_counter)
    reasons: list[dict[str, object]] = field(default_factory=list)

    def take(self, batch: Batch, most: int) -> Batch:
        """What is left of a batch: behind `most` tokens, which the server was told, is the end."""
        for at, item in enumerate(batch):
            if isinstance(item, Finish):
                self.usage, self.finish_reason = item.usage, item.reason
                continue
            if not item.text and item.kind != "tool":
                continue
            more = estimate_tokens(item.text) if len(item.text) > 16 else 1
            if self.pieces >= most or self.said + more > TWICE * most + ESTIMATED:
                self.is_cut, self.finish_reason = True, "length"
                self.usage = self._counted()
                return Batch([*batch[:at], Finish("length", self.usage)])
            self.pieces, self.said = self.pieces + 1, self.said + more
        return batch

    def used(self, outcome: Outcome) -> Used:
        usage, seconds = self.usage, self._seconds
        if usage is not None:
            tokens = usage.prompt_tokens or self.prompt_tokens, usage.completion_tokens
        else:
            tokens = (self.prompt_tokens if self.said else 0), self.said
        return Used(*tokens, seconds, self.provider, outcome)

    def usage_json(self) -> dict[str, object]:
        """What it took; `is_estimate` where the server could not say it, so that it is counted
        here. Empty where nothing was written. With `fallbacks` if another one answered, and
        `quota_tokens` if the answer ended there because the quota had no more."""
        if self.usage is None and not self.said:
            return {}
        is_ours = self.usage is None or self.is_cut
        return {
            **(self.usage or self._counted()).to_json(),
            **({"is_estimate": True} if is_ours else {}),
            **({"quota_tokens": self.held.answer_tokens} if self._is_short else {}),
            **({"fallbacks": list(self.reasons)} if self.reasons else {}),
        }

    def _counted(self) -> Usage:
        return Usage(self.prompt_tokens, self.said, 0.0, 0.0, 0.0, self._seconds * 1000)

    @property
    def _is_short(self) -> bool:
        return self.finish_reason == "length" and self.held.answer_tokens < self.answer_tokens

    @property
    def _seconds(self) -> float:
        return time.perf_counter() - self.began_s


class Asking:
    """Everything that a model of the team is asked goes through here."""

    def __init__(
        self,
        inference: Inference,
        quotas: Quotas,
        speeds: MutableMapping[tuple[str, str], Speed],
    ) -> None:
        self._inference, self._quotas, self._speeds = inference, quotas, speeds

    async def reserve(self, who: Principal, plan: Plan, key: str | None = None) -> Reservation:
        """`key`: the id of the run, by which another replica finds it. Raises TooMany
        `quota-exceeded`."""
        return await self._quotas.reserve(
            who,
            plan.first.offer.model,
            prompt_tokens=plan.prompt_tokens,
            answer_tokens=plan.answer_tokens,
            least_tokens=LEAST_ANSWER,
            key=key,
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
        `backend` {"model", "provider", "instead_of", "code", "reason"} where another one has to:
        because one failed, or could not be asked at all."""
        for at, step in enumerate(plan.steps):
            is_last = at == len(plan.steps) - 1
            for passed in step.passed:
                _instead(asked, passed, step.offer, tell)
            async with AsyncExitStack() as opened:
                opened.enter_context(told_plainly(asked.who, step.offer))
                try:
                    await self._turn_to(asked, step.offer)
                    within = step.within(asked.held.answer_tokens)
                    stream = self._asked(within, client, tell, is_last=is_last)
                    await opened.enter_async_context(aclosing(stream))
                    first = await anext(stream)
                except OrcaError as err:
                    if is_last or not _may_go_on(err):
                        raise
                    failed = Passed(step.offer.model, step.offer.provider, err.code, err.detail)
                    _instead(asked, failed, plan.steps[at + 1].offer, tell)
                    continue
                yield asked.take(first, within.most_tokens)
                while not asked.is_cut and (batch := await anext(stream, None)) is not None:
                    yield asked.take(batch, within.most_tokens)
            self._learn(asked)
            return

    def _asked(
        self, step: Step, client: Who, tell: Tell, *, is_last: bool
    ) -> AsyncGenerator[Batch, None]:
        def told(event: str, data: dict[str, object]) -> None:
            is_told = step.clamped and event == "started"
            tell(event, {**data, "clamped": step.clamped} if is_told else data)

        return self._inference.chat(
            step.request, client, tell=told, only=step.offer.provider, is_patient=is_last
        )

    async def embed(
        self,
        who: Principal,
        turns: Sequence[Turn],
        request: EmbedRequest,
        prompt_tokens: int,
        reasons: list[dict[str, object]],
    ) -> Embeddings:
        """One vector for each text, of the first that can; `reasons` are told why others do not.
        Raises TooMany `quota-exceeded`."""
        first = turns[0].offer
        held = await self._quotas.reserve(
            who, first.model, prompt_tokens=prompt_tokens, answer_tokens=0
        )
        asked = Asked(who, held, first.model, first.provider, prompt_tokens, reasons=reasons)
        outcome: Outcome = "failed"
        try:
            found = await self._embedded(client_of(who), turns, request, asked)
            outcome = "done"
        finally:
            await self.settle(asked, outcome)
        return found

    async def _embedded(
        self, client: Who, turns: Sequence[Turn], request: EmbedRequest, asked: Asked
    ) -> Embeddings:
        for at, turn in enumerate(turns):
            offer = turn.offer
            wanted = replace(request, model=offer.model)
            for passed in turn.passed:
                _instead(asked, passed, offer, nobody)
            try:
                await self._turn_to(asked, offer)
                with told_plainly(asked.who, offer):
                    found = await self._inference.embed(wanted, client, only=offer.provider)
            except OrcaError as err:
                if at == len(turns) - 1 or not _may_go_on(err):
                    raise
                failed = Passed(offer.model, offer.provider, err.code, err.detail)
                _instead(asked, failed, turns[at + 1].offer, nobody)
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
                least_tokens=LEAST_ANSWER,
                key=asked.held.next_id,
            )
        asked.model, asked.provider = offer.model, offer.provider

    async def settle(self, asked: Asked, outcome: Outcome) -> None:
        """Never keeps an answer from its end: what cannot be settled now ends by itself."""
        reservation, used = asked.held, asked.used(outcome)
        try:
            await self._quotas.settle(reservation, used)
        except OrcaError as err:
            log.error("usage of %s cannot be counted: %s", reservation.model, err.detail)

    async def settle_lost(self, run_id: str, account_id: str, model: str, used: Used) -> None:
        """What was written of a run whose replica has died. As `settle`."""
        try:
            await self._quotas.settle_lost(run_id, account_id, model, used)
        except OrcaError as err:
            log.error("usage of %s cannot be counted: %s", model, err.detail)

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


def _instead(asked: Asked, passed: Passed, offer: Offer, tell: Tell) -> None:
    if not asked.who.is_administrator:
        model, server = passed.model, passed.provider
        passed = replace(
            passed, detail=plain(passed.code, passed.detail, model=model, server=server)
        )
    told = reason(passed, offer)
    asked.reasons.append(told)
    tell("backend", told)
