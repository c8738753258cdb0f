"""Where answers go. What cannot be written there is told of once, whatever the command does."""

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class Unsaid(Exception):
    """An answer did not arrive. No OSError: commands that catch those mean files and servers."""

    def __init__(self, err: OSError) -> None:
        super().__init__(err.strerror)
        self.is_unwanted = err.errno == errno.EPIPE  # as before `head`, which has read enough


class _Out(io.FileIO):
    def write(self, data: "ReadableBuffer", /) -> int:
        """Raises Unsaid."""
        try:
            return super().write(data)
        except OSError as err:
            raise Unsaid(err) from err


@contextmanager
def answering() -> Iterator[None]:
    """Ends the program with a sentence on stderr, exit code 1, if its answers cannot be written;
    without the sentence if nobody reads on."""
    _tell_apart()
    _open_closed()
    try:
        yield
    except Unsaid as err:
        _discard(1)
        if not err.is_unwanted:
            try:
                sys.stderr.write(f"The answer cannot be written: {err}.\n")
                sys.stderr.flush()
            except OSError:
                _discard(2)
        raise SystemExit(1) from None


def _tell_apart() -> None:
    """Has stdout raise Unsaid. What is no file, as in tests and on a console of Windows, stays."""
    out = sys.stdout
    if not isinstance(out, io.TextIOWrapper):
        return
    raw = getattr(out.buffer, "raw", out.buffer)  # unbuffered, there is nothing between
    if type(raw) is not io.FileIO:
        return
    out.flush()
    ours = _Out(raw.fileno(), "wb", closefd=False)
    sys.stdout = io.TextIOWrapper(
        ours if raw is out.buffer else io.BufferedWriter(ours),
        encoding=out.encoding,
        errors=out.errors,
        line_buffering=out.line_buffering,
        write_through=out.write_through,
    )


def _open_closed() -> None:
    """Leads what was closed before the program began (`>&-`) nowhere: Python has None for it, and
    the next file that is opened would take its number."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115, PTH123 - for good


def _discard(descriptor: int) -> None:
    """Sends what is still buffered nowhere: Python would complain of it at its end."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)
