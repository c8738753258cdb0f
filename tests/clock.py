"""A clock that a test moves on."""

from datetime import UTC, datetime, timedelta


class MovingClock:
    """Stands still until it is told how much time passes."""

    def __init__(self) -> None:
        self._now = datetime(2026, 1, 31, 9, 5, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self._now

    def passes(self, **time: float) -> None:
        """Keyword arguments are those of timedelta."""
        self._now += timedelta(**time)
