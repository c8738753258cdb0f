"""What in the data folder is the agent's own. Whatever else lies there is somebody else's."""

import os
import re
import shutil
from pathlib import Path

# Not the backups, which every reset leaves, and not the locks, which somebody may hold.
KEPT = {"backups", "agent.lock", "tray.lock"}
MARKS = ("agent.db", "agent.lock", "agent.toml", "agent.json", "restore-ready")
ID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
FILES = re.compile(
    r"(agent|images)\.db(-wal|-shm|-journal)?"
    r"|agent\.(toml|json)|token|secrets\.json|ollama\.json|plugin\.json|team\.json|profiles\.yaml"
    r"|chat-history|restored\.json|\.restored\.json|tray\.json|window\.json"
    r"|\.(agent\.(toml|json)|token|secrets\.json|ollama\.json|plugin\.json|team\.json)\.\d+"
)
# What lies in each folder of ours, by its way from there: another folder may have the same name.
FOLDERS = {
    "images": re.compile(r"[0-9a-f]{2}/([0-9a-f]{64}|\w+\.part)"),
    "slicer": re.compile(rf"{ID}\.[\w.]+"),
    "logs": re.compile(r"(agent|ollama|start)\.log(\.\d+)?"),
    "baselines": re.compile(r"[\w.-]+\.json"),
    "updates": re.compile(
        r"\.?state\.json(\.new)?|[0-9a-f]{16}/(metadata|targets)/([\w.%-]+/)*[\w.%-]+"
    ),
}
WHOLE = re.compile(r"slicing|window|restore-(part|ready|done)[\w.-]*")


def is_data_folder(folder: Path) -> bool:
    """Whether an agent ever kept its data there."""
    return any((folder / name).exists() for name in MARKS)


def remove_own(folder: Path) -> list[str]:
    """Everything of the agent's but backups and locks. The names of what is left, as it is of
    somebody else. Raises OSError."""
    left = []
    for path in sorted(folder.iterdir()):
        if path.name in KEPT:
            continue
        if FILES.fullmatch(path.name) and not _is_folder(path):
            path.unlink(missing_ok=True)
        elif WHOLE.fullmatch(path.name):
            remove(path)
        elif path.name not in FOLDERS or remove_from(path):
            left.append(path.name)
    return left


def remove_from(folder: Path) -> bool:
    """The agent's own of one of its folders, and the folder once it is empty. Whether something
    is left. Raises OSError."""
    if not folder.is_dir():
        return os.path.lexists(folder)
    ours = FOLDERS[folder.name]
    for name, _, files in os.walk(folder, topdown=False):
        where = Path(name)
        for file in (where / one for one in files):
            if ours.fullmatch(file.relative_to(folder).as_posix()):
                file.unlink(missing_ok=True)
        # A link to a folder elsewhere is a person's choice, and stays.
        if _is_folder(where) and not any(where.iterdir()):
            where.rmdir()
    return folder.exists()


def remove(path: Path) -> None:
    """A file, a link, or a folder with all that is in it. Raises OSError."""
    if _is_folder(path):
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
