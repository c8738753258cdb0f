"""Kills a step of the work at its n-th touch of the disk, as `kill -9` does. Run as a program:

python -m tests.agent.keeping.killing WORK FOLDER FIRST STEP

prints one line of JSON for each n: what was found when the next start was done with the folder."""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from agent.keeping.applying import apply_pending
from agent.keeping.archive import Plan, make_backup
from agent.keeping.folder import Backups
from agent.keeping.rules import Wanted
from agent.keeping.staging import stage
from agent.keeping.watching import Watch
from tests.agent.keeping.states import NOW, state_of

TOUCHES = {"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.chmod", "sqlite3.connect"}
MOST_STEPS = 2000


def main() -> None:
    work, folder, first, step = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    for number in range(first, MOST_STEPS, step):
        copy = folder.with_name(f"{folder.name}-{number}")
        shutil.copytree(folder, copy)
        was_killed = _killed_at(number, WORKS[work], copy)
        _start_again(copy)
        told = {
            "step": number,
            "killed": was_killed,
            "state": asdict(state_of(copy)),
            "backups": [one.manifest is not None for one in Backups(copy).all()],
            "left": sorted(path.name for path in copy.iterdir() if "restore-" in path.name),
            "drafts": sorted(path.name for path in (copy / "backups").glob(".*")),
        }
        sys.stdout.write(json.dumps(told) + "\n")
        shutil.rmtree(copy)
        if not was_killed:
            return


def apply(folder: Path) -> None:
    apply_pending(folder, version="1.0", now=NOW)


def prepare(folder: Path) -> None:
    stage(folder / "new.zip", folder, NOW, lambda _file: None, Watch())


def backup(folder: Path) -> None:
    plan = Plan(folder, "asked", Wanted(), "1.0")
    make_backup(Backups(folder), plan, NOW, Watch())


WORKS: dict[str, Callable[[Path], None]] = {
    "apply": apply,
    "prepare": prepare,
    "backup": backup,
}


def _start_again(folder: Path) -> None:
    """As the next start does, killed once more on its way at a few places."""
    for number in (3, 17):
        _killed_at(number, apply, folder)
    apply(folder)


def _killed_at(number: int, work: Callable[[Path], None], folder: Path) -> bool:
    """Whether it was killed before it was done. A fork: what is imported is imported once."""
    child = os.fork()
    if child == 0:
        left = number

        def count(event: str, arguments: tuple[object, ...]) -> None:
            nonlocal left
            if event in TOUCHES and str(folder) in str(arguments[0]):
                left -= 1
                if left <= 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        work(folder)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFEXITED(status) and os.WEXITSTATUS(status):
        raise RuntimeError("the work failed instead of being killed")
    return os.WIFSIGNALED(status)


if __name__ == "__main__":
    main()
