"""What is set aside before a model is asked, and settled after it has answered."""

from agent.shared.clock import Clock, NewId
from hub.access import Principal
from hub.limits.rules import Amounts, Reservation, Used, period_starts


class Quotas:
    """`reserve` before the provider is called, then either `settle` or `release`, once."""

    def __init__(self, clock: Clock, new_id: NewId) -> None:
        self._clock, self._new_id = clock, new_id

    async def reserve(
        self, who: Principal, model: str, *, prompt_tokens: int, answer_tokens: int
    ) -> Reservation:
        """`prompt_tokens` as estimated, `answer_tokens` as many as there may be.

        Raises TooMany `quota-exceeded` with what is left and when it resets."""
        amounts = Amounts(1, prompt_tokens + answer_tokens, 0)
        day = period_starts("day", self._clock())
        return Reservation(self._new_id(), who.account_id, model, day, amounts)

    async def settle(self, reservation: Reservation, used: Used) -> None:
        """Counts what it came to, in the quotas and in the usage. A second time does nothing."""

    async def release(self, reservation: Reservation) -> None:
        """Nothing was asked: as if it had not been reserved. A second time does nothing."""
