"""Logs: JSON lines to a rotating file, readable lines to the terminal, secrets in neither."""

import logging
import os
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any, TextIO

from agent.shared import colour
from agent.shared.any_json import any_json
from agent.shared.clock import rfc3339
from agent.shared.leaving_out import leaving_out
from agent.shared.redaction import redacted, without_secrets

with leaving_out("rich"):  # for stacks in colours, which take 5 MB and are never shown
    import structlog

FILE_NAME = "agent.log"
FILE_BYTES = 5 * 1024 * 1024
KEPT_FILES = 5
ROOM_BYTES = 256 * 1024
# They tell every request, query or migration step at a level that is meant for ours.
CHATTY = (
    "aiosqlite",
    "alembic",
    "asyncio",
    "httpcore",
    "httpx",
    "hypercorn",
    "quart",
    "PIL",
    "taskiq",
)

OWN_FIELDS = {*vars(logging.makeLogRecord({})), "message", "asctime"}  # logging's own

Event = MutableMapping[str, Any]  # Any: structlog's own type


@contextmanager
def logging_to(
    folder: Path, level: str, *, terminal: TextIO | None = None, name: str = FILE_NAME
) -> Iterator[Path]:
    """Logs to the file `name` of `folder` at `level` and above, warnings also to `terminal`
    (default: stderr), until the block ends. Raises OSError if the file cannot be opened."""
    to_terminal = logging.StreamHandler(terminal or sys.stderr)
    to_terminal.setLevel(logging.WARNING)
    to_terminal.setFormatter(_readable_lines(to_terminal.stream))
    with _logging(folder / name, level, _Lines(), to_terminal) as file:
        yield file


@contextmanager
def logging_json(folder: Path, level: str, *, stream: TextIO, name: str) -> Iterator[Path]:
    """All of it as JSON lines to the file and to `stream`, for programs that collect it."""
    lines = _Lines("message")
    to_stream = logging.StreamHandler(stream)
    to_stream.setFormatter(lines)
    with _logging(folder / name, level, lines, to_stream) as file:
        yield file


@contextmanager
def _logging(
    file: Path, level: str, lines: logging.Formatter, to_terminal: logging.Handler
) -> Iterator[Path]:
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    to_file = PrivateFile(file)
    to_file.setFormatter(lines)
    root, old_level = logging.getLogger(), logging.getLogger().level
    log_at(level)
    logging.captureWarnings(capture=True)
    root.addHandler(to_file)
    root.addHandler(to_terminal)
    try:
        yield file
    finally:
        logging.captureWarnings(capture=False)
        root.removeHandler(to_terminal)
        root.removeHandler(to_file)
        to_file.close()
        root.setLevel(old_level)


def log_at(level: str) -> None:
    """Logs at another level from now on."""
    root = logging.getLogger()
    root.setLevel(level.upper())
    quiet = max(logging.WARNING, root.level)
    for name in CHATTY:
        logging.getLogger(name).setLevel(quiet)


class PrivateFile(RotatingFileHandler):
    """Readable by its owner alone; goes on where a reader keeps the file from being renamed."""

    def __init__(self, file: Path) -> None:
        super().__init__(file, maxBytes=FILE_BYTES, backupCount=KEPT_FILES - 1, encoding="utf-8")

    def _open(self) -> TextIO:  # type: ignore[override]  # the base says TextIOWrapper
        return open(self.baseFilename, "a", encoding="utf-8", opener=_owner_only)

    def shouldRollover(self, record: logging.LogRecord) -> int:  # noqa: N802 - logging's own
        """Looks closely when little room is left: else each line would be made twice for it."""
        if self.stream is not None and self.stream.tell() + ROOM_BYTES < self.maxBytes:
            return 0
        return int(super().shouldRollover(record))

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own
        """Nothing: a full disk would fill the terminal with stacks, one for each line."""

    def rotate(self, source: str, dest: str) -> None:
        try:
            super().rotate(source, dest)
        except PermissionError:
            # Windows refuses while `logs -f` has the file open: it grows on until the next time.
            return


def _owner_only(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


class _Lines(logging.Formatter):
    """A JSON object for each record, made once for all who write it.

    Structlog's own takes nearly twice as long, and every request that changes something waits."""

    def __init__(self, text: str = "event") -> None:
        """`text` is the name of the field for what was said."""
        super().__init__()
        self._text = text
        self._last: tuple[logging.LogRecord | None, str] = None, ""

    def format(self, record: logging.LogRecord) -> str:
        made_of, made = self._last
        if made_of is not record:
            made = any_json(self._event(record), str)
            self._last = record, made
        return made

    def _event(self, record: logging.LogRecord) -> Event:
        said = {key: value for key, value in record.__dict__.items() if key not in OWN_FIELDS}
        event: Event = {
            "timestamp": rfc3339(datetime.fromtimestamp(record.created, UTC)),
            "level": record.levelname.lower(),
            "logger": record.name,
            self._text: redacted(record.getMessage()),
            **{key: without_secrets(value, key) for key, value in said.items()},
        }
        if record.exc_info:
            event["exception"] = redacted(self.formatException(record.exc_info))
        return event


def _readable_lines(stream: TextIO) -> logging.Formatter:
    colours = stream.isatty() and os.name == "posix" and colour.is_wanted()
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.add_log_level,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
        ],
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _short,
            _blank_secrets,
            structlog.dev.ConsoleRenderer(colors=colours, pad_event_to=0),
        ],
    )


def _short(_logger: object, _name: str, event: Event) -> Event:
    """What a person at a terminal wants: no stack, no logger, the time of day."""
    if event.pop("exc_info", None):
        event["event"] = f"{event['event']} (`orca-agent logs` has the details)"
    event.pop("logger", None)
    event["timestamp"] = str(event.get("timestamp", ""))[11:19]
    return event


def _blank_secrets(_logger: object, _name: str, event: Event) -> Event:
    return {
        key: redacted(value) if key == "event" else without_secrets(value, key)
        for key, value in event.items()
    }
