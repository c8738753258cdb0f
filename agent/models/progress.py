"""How far a download is, over all its layers: never back, with its speed and the time left."""

import math
import time
from collections import deque
from collections.abc import Callable

WINDOW_S = 5.0
TOO_SHORT_S = 0.2
LARGEST = 1 << 53
MOST_LAYERS = 10_000
NO_LAYER_YET = "pulling manifest"
DOWNLOADING = "downloading"


class Progress:
    """Layers come one after another, and the first one is nearly all of a model."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.status = ""
        self.completed = self.total = 0
        self._monotonic = monotonic
        self._layers: dict[str, tuple[int, int]] = {}
        self._layer = ""
        self._found = 0  # what was there already, and says nothing of the speed
        self._samples: deque[tuple[float, int]] = deque()

    @property
    def left(self) -> int:
        """Bytes that are still to come, as far as known."""
        return self.total - self.completed

    def take(self, status: str, digest: str = "", total: int = 0, completed: int = 0) -> None:
        """What the server says next: of one layer, or of what comes before and behind them."""
        self.status = DOWNLOADING if digest else status
        if digest:
            self._layer_is_at(digest, total, completed)
        elif status != NO_LAYER_YET:
            self._end_layer()
        self.total = min(LARGEST, max(self.total, sum(size for size, _ in self._layers.values())))
        there = sum(done for _, done in self._layers.values())
        self.completed = min(self.total, max(self.completed, there))
        self._sample()

    def end(self) -> None:
        """Everything is there."""
        self.status, self.completed = "success", self.total

    def to_json(self) -> dict[str, object]:
        """The data of a `progress` event. Speed and time are null while they are not known."""
        speed = self._speed()
        return {
            "status": self.status,
            "completed": self.completed,
            "total": self.total,
            "bytes_per_second": round(speed) if speed is not None else None,
            "seconds_left": math.ceil(min(LARGEST, self.left / speed)) if speed else None,
        }

    def _layer_is_at(self, digest: str, total: int, completed: int) -> None:
        if digest != self._layer:
            self._end_layer()
            self._layer = digest
        if digest not in self._layers:
            if len(self._layers) >= MOST_LAYERS:
                return
            self._found += min(total, completed)
        size, done = self._layers.get(digest, (0, 0))
        size = max(size, total)
        self._layers[digest] = size, max(done, min(size, completed))

    def _end_layer(self) -> None:
        # A small layer may never say that it is complete.
        if self._layer in self._layers:
            size, _ = self._layers[self._layer]
            self._layers[self._layer] = size, size
        self._layer = ""

    def _sample(self) -> None:
        now = self._monotonic()
        self._samples.append((now, self.completed - self._found))
        while now - self._samples[0][0] > WINDOW_S:
            self._samples.popleft()

    def _speed(self) -> float | None:
        """Bytes a second of late, while something is being fetched."""
        if self.status != DOWNLOADING or not self._samples:
            return None
        (then, before), (now, after) = self._samples[0], self._samples[-1]
        if now - then < TOO_SHORT_S:
            return None
        return max(0.0, (after - before) / (now - then))
