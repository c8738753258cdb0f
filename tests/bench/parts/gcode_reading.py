"""What a file says of itself, measured in a process that does nothing else; prints JSON."""

import json
import sys
import time
from pathlib import Path

import psutil

from agent.slicer.checks.checking import check
from agent.slicer.gcode.reading import read_gcode
from agent.slicer.gcode.thumbnails import thumbnail_bytes


def main() -> None:
    file, rounds = Path(sys.argv[1]), int(sys.argv[2])
    process = psutil.Process()
    before, mine, bare = process.memory_info().rss, [], []
    for _ in range(rounds):
        began = time.perf_counter()
        facts = read_gcode(file)
        thumbnail_bytes(file, facts.thumbnails[-1])
        check(facts)
        mine.append(time.perf_counter() - began)
        began = time.perf_counter()
        with file.open("rb") as stream:
            stream.read(1 << 20)
            stream.seek(-1 << 20, 2)
            stream.read()
        bare.append(time.perf_counter() - began)
    grown = process.memory_info().rss - before
    json.dump({"mine": mine, "bare": bare, "grown_bytes": grown}, sys.stdout)


if __name__ == "__main__":
    main()
