"""What a batch is: items with ids, what became of each, and when it is worth to wait."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

MOST_ITEMS = 1000
MOST_AT_ONCE = 64
PAUSES_S = (1.0, 2.0, 5.0, 10.0)
# Nobody has begun with the item: it is not the item's fault, and may pass.
PASSING = frozenset(
    {
        "queue-full",
        "queue-timeout",
        "ollama-down",
        "ollama-busy",
        "backend-down",
        "backend-busy",
        "backend-resting",
        "no-model",
    }
)

Use = Literal["chat", "vlm"]


class Status(StrEnum):
    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Item:
    """One question of a batch as it is stored: JSON texts. One that cannot be asked at all has
    failed from the beginning."""

    id: str
    request: bytes | None
    status: str = Status.WAITING
    finished: int | None = None
    problem: bytes | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """What became of an item."""

    number: int
    status: Status
    answer: bytes | None = None
    problem: bytes | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many items there are, by what became of them."""

    done: int
    failed: int
    cancelled: int
    waiting: int

    @classmethod
    def of(cls, by_status: Mapping[str, int]) -> "Counts":
        return cls(
            *(by_status.get(status, 0) for status in ("done", "failed", "cancelled", "waiting"))
        )

    def with_more(self, finished: Sequence[Finished]) -> "Counts":
        """With these that waited before."""
        done = sum(one.status is Status.DONE for one in finished)
        failed = sum(one.status is Status.FAILED for one in finished)
        return Counts(
            self.done + done,
            self.failed + failed,
            self.cancelled,
            self.waiting - len(finished),
        )

    @property
    def total(self) -> int:
        return self.done + self.failed + self.cancelled + self.waiting

    def to_json(self) -> dict[str, object]:
        """The result of the run."""
        return {
            "completed": self.done + self.failed,
            "total": self.total,
            "failed": self.failed,
            "cancelled": self.cancelled,
        }

    def progress(self) -> dict[str, object]:
        """The data of a `progress` event."""
        return {
            "status": "answering",
            "completed": self.done + self.failed,
            "total": self.total,
            "failed": self.failed,
        }


class Outage:
    """How long nothing but passing failures has come."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._since_s: float | None = None

    def is_over(self) -> None:
        """Something else has come."""
        self._since_s = None

    def may_wait(self, now_s: float) -> bool:
        """Whether to wait once more, at a passing failure."""
        if self._since_s is None:
            self._since_s = now_s
        return now_s - self._since_s < self._patience_s


def pause_s(attempt: int, told: object) -> float:
    """How long to wait before the next attempt; as the failure itself told, if it did."""
    if isinstance(told, (int, float)) and not isinstance(told, bool):
        return min(max(float(told), PAUSES_S[0]), PAUSES_S[-1])
    return PAUSES_S[min(attempt, len(PAUSES_S) - 1)]
