"""Who may answer to a name, in order, and who is passed over before anybody is asked, and why."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent.shared.errors import OrcaError
from hub.ai.choosing import Offer

NOT_OPEN = "What comes before it is not open to you."


@dataclass(frozen=True, slots=True)
class Passed:
    """Nobody asks it. Of what is not open to somebody `model` is the name that was asked for, and
    `provider` is empty."""

    model: str
    provider: str
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Turn:
    """Who may be asked, and who would have been right before."""

    offer: Offer
    passed: tuple[Passed, ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """What can answer to a name, in order: at least one."""

    name: str
    turns: tuple[Turn, ...]

    @property
    def first(self) -> Offer:
        return self.turns[0].offer

    def able(self, can: Callable[[Offer], bool], code: str, sentence: str) -> tuple[Turn, ...]:
        """Those that can; the others are passed over for this reason, where {model} stands for
        theirs."""
        found: list[Turn] = []
        passed: list[Passed] = []
        for turn in self.turns:
            passed += turn.passed
            offer = turn.offer
            if can(offer):
                found.append(Turn(offer, tuple(passed)))
                passed = []
            else:
                detail = sentence.format(model=offer.model)
                passed.append(Passed(offer.model, offer.provider, code, detail))
        return tuple(found)


def turns_of(
    ranked: Sequence[Offer],
    name: str,
    *,
    is_open: Callable[[Offer], bool],
    trouble: Callable[[Offer], OrcaError],
) -> tuple[Turn, ...]:
    """Those that are there and open to somebody. `trouble` says why one is not there."""
    found: list[Turn] = []
    passed: list[Passed] = []
    for offer in ranked:
        if not is_open(offer):
            one = Passed(name, "", "not-allowed-here", NOT_OPEN)
        elif not offer.is_there:
            err = trouble(offer)
            one = Passed(offer.model, offer.provider, err.code, err.detail)
        else:
            found.append(Turn(offer, tuple(passed)))
            passed = []
            continue
        if one not in passed:  # how many are closed is not told either
            passed.append(one)
    return tuple(found)


def reason(passed: Passed, offer: Offer) -> dict[str, object]:
    """As the event `backend` and `fallbacks` tell it: `offer` is asked instead."""
    return {
        "model": offer.model,
        "provider": offer.provider,
        "instead_of": {"model": passed.model, "provider": passed.provider},
        "code": passed.code,
        "reason": passed.detail,
    }
