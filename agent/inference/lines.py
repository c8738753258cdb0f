"""Whole lines out of the pieces in which a network brings them."""


class Lines:
    """Keeps what has no line end yet. Looks at bytes alone, so that no character is cut in two."""

    def __init__(self, *, limit_bytes: int) -> None:
        self._rest: list[bytes] = []
        self._rest_bytes, self._limit_bytes = 0, limit_bytes

    @property
    def is_endless(self) -> bool:
        """Whether the line that has begun is longer than any line may be."""
        return self._rest_bytes > self._limit_bytes

    def whole(self, data: bytes) -> bytes:
        """The lines that `data` completes, each with its end; empty if it completes none."""
        cut = data.rfind(b"\n") + 1
        if not cut:
            self._keep(data)
            return b""
        block = b"".join((*self._rest, data[:cut])) if self._rest else data[:cut]
        self._rest, self._rest_bytes = [], 0
        if cut < len(data):
            self._keep(data[cut:])
        return block

    def rest(self) -> bytes:
        """The line that has begun, for what ends without a line end."""
        return b"".join(self._rest)

    def _keep(self, rest: bytes) -> None:
        self._rest.append(rest)
        self._rest_bytes += len(rest)
