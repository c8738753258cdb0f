"""The file in the data folder, changed as a person would: what stands around a value stays."""

import errno
from collections.abc import Mapping, Sequence
from pathlib import Path

from agent.configuration.layers import BadFile, parsed, read_text
from agent.configuration.rules import Value
from agent.shared.errors import Conflict, NoSpace, OrcaError, Unavailable
from agent.shared.private_file import write_private

FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class SettingsFile:
    """Written as one step, readable by its owner alone. Blocks: for a thread of its own."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def draft(
        self, changes: Mapping[str, Value], names_of: Mapping[str, Sequence[str]]
    ) -> tuple[str, Mapping[str, object]]:
        """The text that the file would have, and what that would set. None takes a setting out.
        `names_of` are all names that mean a setting, its own last.

        Raises Conflict `settings-file` for a file that cannot be read."""
        import tomlkit  # slow import

        try:
            text = read_text(self._file)
            parsed(text, self._file)
        except BadFile as err:
            raise Conflict("settings-file", f"{err} Correct it by hand first.") from None
        document = tomlkit.parse(text)
        for name, value in changes.items():
            for other in names_of[name]:
                if other in document and (value is None or other != name):
                    del document[other]
            if value is not None:
                document[name] = value
        changed = tomlkit.dumps(document)
        return changed, parsed(changed, self._file)

    def write(self, text: str) -> None:
        """Raises NoSpace, or Unavailable `settings-file`."""
        try:
            # Where somebody keeps it under version control it is a link, and stays one.
            write_private(self._file.resolve(), text)
        except OSError as err:
            raise _unwritten(self._file.name, err) from err


def _unwritten(name: str, err: OSError) -> OrcaError:
    if err.errno in FULL:
        return NoSpace(
            "disk-full", f"{name} could not be written: the disk is full. Nothing was changed."
        )
    return Unavailable(
        "settings-file",
        f"{name} in the data folder cannot be written: {err.strerror}. Nothing was changed.",
    )
