"""The fake as a process of its own: prints its address, then serves until it is told to end."""

import argparse
import asyncio
import contextlib
import os
import signal
import stat
import sys
import threading
from collections.abc import Callable
from dataclasses import replace

from .server import FakeOllama


def main() -> None:
    asyncio.run(_run(_arguments()))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.ollama", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--model", action="append", default=[], metavar="NAME[=CAP,CAP]")
    parser.add_argument("--tokens", type=int, help="full speed: frames of each stream")
    parser.add_argument("--pace", type=float, help="frames a second (default: as fast as read)")
    parser.add_argument("--delay", type=float, default=0, help="seconds before the first byte")
    parser.add_argument("--load-seconds", type=float, default=0, help="seconds to load a model")
    parser.add_argument("--num-parallel", type=int, default=1)
    parser.add_argument("--max-loaded", type=int, default=3)
    parser.add_argument("--max-queue", type=int, default=512)
    parser.add_argument("--seconds", type=float, help="ends by itself after so long")
    return parser.parse_args()


async def _run(asked: argparse.Namespace) -> None:
    fake = FakeOllama(
        num_parallel=asked.num_parallel, max_loaded=asked.max_loaded, max_queue=asked.max_queue
    )
    for model in asked.model:
        name, _, abilities = model.partition("=")
        fake.add_model(name, capabilities=("completion", *filter(None, abilities.split(","))))
    fake.behave = replace(
        fake.behave, pace=asked.pace, delay=asked.delay, load_seconds=asked.load_seconds
    )
    if asked.tokens is not None:
        fake.full_speed(asked.tokens, asked.pace)
    ended = _end_event()
    await fake.start(asked.port)
    sys.stdout.write(f"{fake.url}\n")
    sys.stdout.flush()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(asked.seconds):
            await ended.wait()
    await fake.stop()


def _end_event() -> asyncio.Event:
    """Set by SIGTERM, SIGINT, or the end of stdin where that is a pipe."""
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # Windows ends the process itself
            loop.add_signal_handler(number, ended.set)
    if stat.S_ISFIFO(os.fstat(0).st_mode):
        threading.Thread(target=_read_out, args=(loop, ended.set), daemon=True).start()
    return ended


def _read_out(loop: asyncio.AbstractEventLoop, then: Callable[[], None]) -> None:
    while os.read(0, 1 << 16):
        pass
    with contextlib.suppress(RuntimeError):  # the loop is over already
        loop.call_soon_threadsafe(then)


if __name__ == "__main__":
    main()
