"""Remembers what the plugin told, for as long as the agent runs, and no longer."""

from collections.abc import Sequence

from agent.shared.clock import Clock
from agent.slicer.context.rules import EVENTS_KEPT, Live, LiveEvent, LiveState


class ContextService:
    """Holds one slicer's state: the last one that spoke."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._live: Live | None = None

    def tell(self, state: LiveState | None, events: Sequence[LiveEvent] = ()) -> Live:
        """Takes up a new look, or events alone, which leave the last look in force."""
        known = self._live
        if state is None and known is not None:
            looked_at, state = known.received_at, known.state
        else:
            looked_at = self._clock()
        past = known.events if known is not None else ()
        self._live = Live(state, looked_at, (*past, *events)[-EVENTS_KEPT:])
        return self._live

    def forget(self) -> None:
        """The slicer was closed, or the plugin taken away."""
        self._live = None

    def last(self) -> Live | None:
        """What was told last, however old it is."""
        return self._live

    def fresh(self) -> Live | None:
        """What was told lately: what may be used as evidence."""
        live = self._live
        return live if live is not None and live.is_fresh(self._clock()) else None
