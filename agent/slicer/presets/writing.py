"""Presets as files that OrcaSlicer imports: one JSON each, or several loose in a zip.

Nothing here touches the slicer's folders. What comes out is offered as a download."""

import json
import re
import zipfile
from collections.abc import Collection, Iterable, Mapping, Sequence
from io import BytesIO
from typing import Final

from agent.shared.errors import Invalid
from agent.slicer.rules import Change, PresetType

Value = str | tuple[str, ...]
Preset = dict[str, str | list[str]]

VERSION: Final = "2.3.0.0"  # four numbers: without them, or with others, an import is skipped
NAME_CHARACTERS: Final = 100  # the name becomes a file's, and some file systems end at 255 bytes
NAME_BYTES: Final = 200
ID_KEYS: Final[dict[PresetType, str]] = {
    "process": "print_settings_id",
    "machine": "printer_settings_id",
    "filament": "filament_settings_id",
}
# What makes a preset the one that it is. No advice may touch it.
IDENTITY: Final = frozenset(
    {
        *("type", "name", "from", "inherits", "version", "is_custom_defined", "instantiation"),
        *("setting_id", "filament_id", "base_id", "user_id", "inherits_group", "renamed_from"),
        *ID_KEYS.values(),
    }
)

# A way into a printer. The slicer leaves it out of what it exports, too.
PRIVATE: Final = ("print_host", "printhost_")

_KEY = re.compile(r"[a-z][a-z0-9_]{0,79}")
_VERSION = re.compile(r"\d{1,4}(\.\d{1,4}){2,3}")
_UNWANTED = re.compile(r'[<>\[\]:/\\|?*"\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]')
_MODIFIED = re.compile(r"\s*\(modified\)", re.IGNORECASE)
_OURS = re.compile(r"\s*@agent \d{4}-\d{2}-\d{2}(?: \d+)?$")
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)  # of Windows
_MADE_AT = (1980, 1, 1, 0, 0, 0)  # so that the same presets are the same bytes


def preset_json(
    preset_type: PresetType,
    name: str,
    inherits: str,
    changes: Iterable[Change],
    *,
    base: Mapping[str, Value] | None = None,
    version: str | None = None,
) -> Preset:
    """A preset of the user's own, as it stands in its file.

    `inherits` is the exact name of the system preset; `base` is what the user's preset has that
    it is made from, so that nothing of it is lost; `changes` go on top. `version` is that of the
    parent. Without a parent `base` must be the whole preset. A printer's address and keys are left
    out. Raises Invalid for what the slicer would skip or misread."""
    if not inherits.strip() and not base:
        raise Invalid("no-parent", "Say which system preset the new one is made from.")
    if name != clean_name(name) or name == inherits:
        raise Invalid(
            "bad-preset-name", "A new preset needs a name of its own that files can have."
        )
    return {
        "type": preset_type,
        "name": name,
        "from": "User",
        "inherits": inherits,
        "version": version if version and _VERSION.fullmatch(version) else VERSION,
        "is_custom_defined": "0",
        ID_KEYS[preset_type]: [name] if preset_type == "filament" else name,
        **_values(preset_type, changes, base or {}),
    }


def as_bytes(preset: Preset) -> bytes:
    """The file of a preset: readable, with non-ASCII letters as they are."""
    return (json.dumps(preset, indent=4, ensure_ascii=False) + "\n").encode()


def file_name(name: str) -> str:
    """The file of a preset of this name; the slicer takes the name from it."""
    return f"{clean_name(name)}.json"


def clean_name(name: str) -> str:
    """A name without what files, the slicer or a terminal would stumble over."""
    text = " ".join(_UNWANTED.sub(" ", _MODIFIED.sub("", name)).split())
    text = text.encode("utf-8", "ignore").decode()  # without halves of letters
    while len(text) > NAME_CHARACTERS or len(text.encode()) > NAME_BYTES:
        text = text[:-1]
    text = text.strip(" .")
    return f"Preset {text}" if _DEVICES.match(text) else text or "Preset"


def own_name(parent: str, day: str, taken: Collection[str] = ()) -> str:
    """`Generic PETG @agent 2026-11-20`, with a number where that is taken. `day` is a date."""
    plain = _OURS.sub("", clean_name(parent)).removesuffix("@System")
    tail = f"@agent {day}"
    room = NAME_CHARACTERS - len(tail) - 5
    stem = f"{clean_name(plain[:room])} {tail}"
    known = {name.casefold() for name in taken}  # some file systems do not tell A from a
    if stem.casefold() not in known:
        return stem
    number = 2
    while f"{stem} {number}".casefold() in known:
        number += 1
    return f"{stem} {number}"


def loose_zip(presets: Sequence[Preset]) -> bytes:
    """Presets side by side in a zip: imported as ordinary presets of the user, on every version."""
    return _zipped({file_name(str(one["name"])): as_bytes(one) for one in presets})


def _values(
    preset_type: PresetType, changes: Iterable[Change], base: Mapping[str, Value]
) -> Preset:
    """What the preset sets, by key, without what makes it the one that it is."""
    values = {
        key: value
        for key, value in base.items()
        if key not in IDENTITY and not key.startswith(PRIVATE)
    }
    for change in changes:
        if change.preset_type != preset_type:
            raise Invalid(
                "other-preset-type", f"{change.key} does not belong to a {preset_type} preset."
            )
        values[change.key] = change.new
    return {key: _value(key, value) for key, value in sorted(values.items())}


def _value(key: str, value: object) -> str | list[str]:
    """A value as the file has it: text, or a list of texts. The slicer ignores anything else."""
    if not _KEY.fullmatch(key) or key in IDENTITY:
        raise Invalid("not-a-setting", f"{key[:80]!r} is no setting that a preset can change.")
    if isinstance(value, str):
        return _text(key, value)
    if isinstance(value, (tuple, list)) and value and all(isinstance(v, str) for v in value):
        return [_text(key, one) for one in value]
    raise Invalid("bad-value", f"The value of {key} must be text, or a list of texts.")


def _text(key: str, value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Invalid("bad-value", f"The value of {key} holds half a letter.") from None
    if "\x00" in value:
        raise Invalid("bad-value", f"The value of {key} holds a character that ends it early.")
    return value


def _zipped(files: Mapping[str, bytes]) -> bytes:
    written = BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in sorted(files.items()):
            member = zipfile.ZipInfo(name, _MADE_AT)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o644 << 16
            archive.writestr(member, content)
    return written.getvalue()
