"""The plainest reading of a file: its lines, one after the other; prints the seconds."""

import sys
import time
from pathlib import Path


def main() -> None:
    began = time.perf_counter()
    count = 0
    with Path(sys.argv[1]).open(encoding="utf-8") as stream:
        for _ in stream:
            count += 1
    print(time.perf_counter() - began)


if __name__ == "__main__":
    main()
