"""The process that looks at every move: asked by its arguments, it answers in lines of JSON.

`{"done": 0.25}` now and then, then `{"analysis": {...}}`, or `{"error": [code, sentence]}`."""

import dataclasses
import json
import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from agent.shared.errors import Invalid

TELL_EVERY_S = 0.2
TOO_LARGE = "The file needs more memory than an analysis may have."
NICENESS = 5  # the agent itself goes first


def main() -> None:
    """`sys.argv` ends with the file and the most bytes of memory."""
    path, memory_bytes = sys.argv[-2:]
    _limit(int(memory_bytes))
    try:
        answer: dict[str, object] = {"analysis": _analysed(Path(path))}
    except Invalid as err:
        answer = {"error": [err.code, err.detail]}
    except OSError:
        answer = {"error": ["analysis-failed", "The file cannot be read. Is it still there?"]}
    except MemoryError:
        answer = {"error": ["analysis-too-large", TOO_LARGE]}
    with suppress(BrokenPipeError):  # nobody waits any more
        _say(answer)


def _analysed(path: Path) -> dict[str, object]:
    from agent.slicer.gcode.motion import analyse  # slow import

    told_at = time.monotonic()

    def tell(done: float) -> None:
        nonlocal told_at
        if (now := time.monotonic()) - told_at >= TELL_EVERY_S:
            told_at = now
            _say({"done": round(done, 4)})

    return dataclasses.asdict(analyse(path, tell))


def _say(what: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(what, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def _limit(memory_bytes: int) -> None:
    with suppress(ImportError, OSError, ValueError):
        import resource  # platform only

        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    with suppress(AttributeError, OSError):
        os.nice(NICENESS)


if __name__ == "__main__":
    main()
