"""What models cost, where routes go by that."""

from collections.abc import Awaitable, Callable, Sequence

from hub.ai.choosing import Price
from hub.limits import rules

Listed = Callable[[], Awaitable[Sequence[rules.Price]]]


class Prices:
    """Of the table of costs. A token of the answer counts as much as one of the prompt."""

    def __init__(self, listed: Listed) -> None:
        self._listed = listed

    async def price(self) -> Price:
        known = await self._listed()

        def of(model: str, provider: str) -> int | None:
            found = rules.price_of(known, model, provider)
            if found is None:
                return None
            return found.prompt_micros_per_million + found.answer_micros_per_million

        return of
