"""`ollama serve` and `ollama -v`, and the ways in which the first can go wrong."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

from tests.fakes.ollama import FakeOllama
from tests.fakes.ollama_binary import inherited

VERSION = os.environ.get("FAKE_VERSION", "0.33.0")


def number(name: str) -> float | None:
    text = os.environ.get(f"FAKE_{name}")
    return float(text) if text is not None else None


def address() -> tuple[str, int]:
    host, _, port = os.environ.get("OLLAMA_HOST", "").rpartition(":")
    return (host, int(port)) if port.isdecimal() and host else ("127.0.0.1", 11434)


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def log(text: str) -> None:
    say(f'time=2026-11-20T16:05:56.843Z level=INFO source=routes.go:1 msg="{text}"')


LIFE_S = 120.0


def main() -> int:
    if sys.argv[1:] in (["-v"], ["--version"]):
        return tell_version()
    if sys.argv[1:] not in (["serve"], ["start"]):
        say("Error: unknown command")
        return 1
    end = threading.Timer(LIFE_S, os._exit, [0])  # whatever becomes of the test
    end.daemon = True
    end.start()
    return asyncio.run(serve(*noted()))


def tell_version() -> int:
    host, port = address()
    try:
        with urllib.request.urlopen(f"http://{host}:{port}/api/version", timeout=1) as answer:
            running = json.load(answer)["version"]
        sys.stdout.write(f"ollama version is {running}\n")
    except OSError:
        sys.stdout.write("Warning: could not connect to a running Ollama instance\n")
        sys.stdout.write(f"Warning: client version is {VERSION}\n")
    return 0


def noted() -> tuple[int, subprocess.Popen[bytes] | None]:
    """How many starts there were with this one, and the runner below it, if there is to be one."""
    journal = Path(os.environ["FAKE_JOURNAL"])
    nth = len(journal.read_text("utf-8").splitlines()) + 1 if journal.exists() else 1
    runner = subprocess.Popen(["sleep", "600"]) if number("RUNNER") else None
    said = {"pid": os.getpid(), "environment": inherited(), "runner": runner and runner.pid}
    with journal.open("a", encoding="utf-8") as out:
        out.write(f"{json.dumps(said)}\n")
    return nth, runner


async def serve(nth: int, runner: subprocess.Popen[bytes] | None) -> int:
    ended = asyncio.Event()
    for one in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(
            one, (lambda: log("ignored")) if number("IGNORE_TERM") else ended.set
        )
    if (code := number("EXIT_CODE")) is not None:
        say("Error: could not do it")
        return int(code)
    await asyncio.sleep(number("SLOW_START") or 0)
    host, port = address()
    fake = FakeOllama(models=["short"])
    try:
        await fake.start(port, host)
    except OSError:
        say(f"Error: listen tcp {host}:{port}: bind: address already in use")
        return 1
    log(f"Listening on {host}:{port} (version {VERSION})")
    held = bytearray(os.urandom(int((number("GROW_MB") or 0) * 1_000_000)))
    await misbehave(ended, nth)
    await fake.stop()
    if runner is not None:
        runner.kill()
        runner.wait()
    log(f"stopped, holding {len(held)} bytes")
    return 0


async def misbehave(ended: asyncio.Event, nth: int) -> None:
    """Until it is told to end, or does something that no server should do."""
    crash, hang = number("CRASH_AFTER"), number("HANG_AFTER")
    if crash is not None and nth <= (number("CRASH_TIMES") or 1e9):
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(crash):
                await ended.wait()
        say("panic: runtime error: index out of range [7]")
        os._exit(2)
    if hang is not None and nth <= (number("HANG_TIMES") or 1e9):
        await asyncio.sleep(hang)
        time.sleep(600)  # noqa: ASYNC251 - this is what hanging is
    await ended.wait()


if __name__ == "__main__":
    sys.exit(main())
