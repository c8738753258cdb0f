"""What is sent, in few pieces: to wake the other side takes longer than to make an answer."""

import asyncio

HELD_BYTES = 64 * 1024


class WholeAnswers(asyncio.StreamWriter):
    """A writer that sends together what is written in one turn of the event loop, or in a few.

    Hypercorn writes the head of an answer and each part of its body by themselves. What is
    written once the other side has gone is dropped: who reads from it hears of that."""

    def __init__(self, writer: asyncio.StreamWriter, reader: asyncio.StreamReader) -> None:
        transport = self._line = writer.transport
        super().__init__(transport, transport.get_protocol(), reader, asyncio.get_running_loop())
        self._held: list[bytes] = []
        self._held_bytes = 0

    def write(self, data: bytes | bytearray | memoryview, *, turns: int = 1) -> None:
        """Sends it after so many turns, with all that is written until then."""
        if not self._held:
            asyncio.get_running_loop().call_soon(self._wait, turns)
        self._held.append(bytes(data))
        self._held_bytes += len(data)
        if self._held_bytes > HELD_BYTES:
            self._send()

    async def drain(self) -> None:
        """Waits while the other side reads too slowly. Raises ConnectionError if it has gone."""
        if self._line.get_write_buffer_size() or self._line.is_closing():
            await super().drain()

    def write_eof(self) -> None:
        self._send()
        super().write_eof()

    def close(self) -> None:
        self._send()
        super().close()

    def _wait(self, turns: int) -> None:
        if turns > 1 and self._held:
            asyncio.get_running_loop().call_soon(self._wait, turns - 1)
        else:
            self._send()

    def _send(self) -> None:
        held, self._held, self._held_bytes = self._held, [], 0
        if held and not self._line.is_closing():
            super().write(held[0] if len(held) == 1 else b"".join(held))
