"""One structured question to a model: an answer, and changes that somebody else checks."""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, replace

import orjson

from agent.inference.asked import Asked
from agent.inference.rules import Message
from agent.inference.service import AnswerService, Call
from agent.shared.errors import OrcaError, TimedOut, Unavailable
from agent.slicer.advice.gathering import Gathered, Gathering
from agent.slicer.advice.rules import Proposed, chosen, switched_on
from agent.slicer.advice.texts import ADVICE_FORMAT, ADVISER, evidence_text
from agent.slicer.advice.toolbox import proposals_in

SHARE = 0.6  # of the context: the rest is for the answer and its form


@dataclass(frozen=True, slots=True)
class Given:
    """What a model advised; nothing of it has been checked."""

    answer: str
    proposals: list[Proposed]
    model: str


def is_for_want_of_a_model(err: OrcaError) -> bool:
    """Whether an error leaves the checks, the guide and the questions as the way to go on."""
    return isinstance(err, (Unavailable, TimedOut)) or err.code in {"no-vision", "format-not-kept"}


class Advising:
    """Asks; keeps nothing."""

    def __init__(
        self,
        answers: AnswerService,
        gathering: Gathering,
        context_tokens: Callable[[], Awaitable[int]],
    ) -> None:
        self._answers, self._gathering = answers, gathering
        self._context_tokens = context_tokens

    async def advise(
        self,
        question: str,
        gathered: Gathered,
        call: Call,
        *,
        model: str | None,
        without: Collection[str] = (),
    ) -> Given:
        """What a model advises. Raises what models raise."""
        pieces = [*gathered.pieces, *self._gathering.passages(question)]
        budget = int(await self._context_tokens() * SHARE)
        evidence = evidence_text(chosen(switched_on(pieces, without), budget))
        system = "\n\n".join(filter(None, [ADVISER, evidence]))
        asked = Asked(
            (Message("system", system), Message("user", question)),
            model,
            format=ADVICE_FORMAT,
            options={"temperature": 0.2},
        )
        answer = await self._answers.answer(asked, replace(call, use="chat"))
        said = orjson.loads(answer["message"]["content"])
        return Given(
            str(said["answer"])[:20_000], proposals_in(said["changes"]), str(answer["model"])
        )
