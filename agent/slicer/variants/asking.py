"""How each slicer is asked, and what its answer means."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from agent.slicer.gcode.prusa_keys import CHOICES, RENAMED, SAME, SPEEDS, WIDTHS
from agent.slicer.presets.keys import KEYS, METADATA, Kind, find_key
from agent.slicer.presets.rules import Preset, Value
from agent.slicer.presets.values import joined
from agent.slicer.presets.writing import ID_KEYS
from agent.slicer.rules import Change, PresetType
from agent.slicer.variants.programs import Program
from agent.slicer.variants.rules import RUN_BY_SLICERS

PROJECT, OUT, DATA = "project.3mf", "out", "data"
VERSION = "2.3.0.0"
THEIRS = {ours: theirs for theirs, ours in RENAMED.items()}
THEIRS |= {key: key for key in SAME}
THEIRS |= {ours: theirs for theirs, ours in WIDTHS.items()}
THEIRS |= {ours: theirs for theirs, (ours, _) in SPEEDS.items()}
THEIRS["initial_layer_print_height"] = "first_layer_height"
# Why OrcaSlicer's command line gave up, by the number that it ends with.
REASONS = {
    2: "it did not take the arguments",
    3: "it did not find a file",
    5: "it could not read the settings",
    6: "it could not read the project",
    8: "it does not do that",
    14: "it had too little memory",
    17: "the process does not fit the printer",
    18: "the project has values that are not allowed",
    19: "the project runs scripts",
    20: "the bed is too small",
    24: "the project is from a newer version",
    50: "there is nothing to print",
    51: "the settings contradict each other",
    52: "an object is partly outside of the bed",
    58: "it took too long",
    59: "the models have too many triangles",
    61: "the filament does not fit the plate",
    62: "the filaments need temperatures too far apart",
    63: "objects collide",
    64: "objects collide",
    100: "slicing failed",
    101: "paths collide",
}


def refusal_of(change: Change) -> str | None:
    """Why a setting is not changed for a variant, if it is not."""
    if change.key in RUN_BY_SLICERS:
        return f"{change.key} makes the slicer run programs, and is not changed here."
    if find_key(change.key, change.preset_type) is None:
        return f"{change.key[:60]} is no known setting of a {change.preset_type} preset."
    texts = (change.new,) if isinstance(change.new, str) else change.new
    if any(len(text) > 10_000 or "\0" in text for text in texts):
        return f"The value of {change.key} is too long."
    return None


def orca_arguments(
    program: Program, folder: Path, types: Sequence[PresetType], seconds: int
) -> list[str]:
    """What OrcaSlicer is called with. It slices all plates into `out`.

    `types` are those of the presets that `preset_file` names in this order, if there are any."""
    arguments = [str(program.path), "--slice", "0", "--outputdir", str(folder / OUT)]
    arguments += ["--datadir", str(folder / DATA), "--allow-newer-file", "--mstpp", str(seconds)]
    files = [(one, str(preset_file(folder, n))) for n, one in enumerate(types)]
    settings = [file for one, file in sorted(files) if one != "filament"]
    filaments = [file for one, file in files if one == "filament"]
    if settings:
        arguments += ["--load-settings", ";".join(settings)]
    if filaments:
        arguments += ["--load-filaments", ";".join(filaments)]
    return [*arguments, str(folder / PROJECT)]


def preset_file(folder: Path, index: int) -> Path:
    """Where the preset of this place stands for OrcaSlicer."""
    return folder / f"preset_{index}.json"


def prusa_arguments(program: Program, folder: Path) -> list[str]:
    """What PrusaSlicer is called with. What is loaded wins over what the project says."""
    return [
        str(program.path),
        "--export-gcode",
        "--datadir",
        str(folder / DATA),
        "--loglevel",
        "1",
        "--config-compatibility",
        "enable_silent",
        "--load",
        str(folder / "config.ini"),
        "--output",
        str(folder / OUT / "plate_1.gcode"),
        str(folder / PROJECT),
    ]


def flat_preset(
    preset: Preset, changes: Sequence[Change], printer: str | None
) -> dict[str, object]:
    """A preset with all that it inherits in one file: the command line resolves nothing.

    `printer` is the one that it is used with, which it is made to fit."""
    settings: dict[str, Value] = {**preset.settings}
    settings |= {one.key: one.new for one in changes if one.preset_type == preset.type}
    for key in RUN_BY_SLICERS & settings.keys():
        settings[key] = ()
    if preset.type != "machine" and printer:
        fits = settings.get("compatible_printers", ())
        names = (fits,) if isinstance(fits, str) else fits
        settings["compatible_printers"] = tuple(dict.fromkeys((*names, printer)))
    name: str | list[str] = [preset.name] if preset.type == "filament" else preset.name
    return {
        "type": preset.type,
        "name": preset.name,
        "from": "system" if preset.is_system else "User",
        "inherits": "" if preset.is_system else preset.system_parent or "",
        "version": preset.version or VERSION,
        ID_KEYS[preset.type]: name,
        **{key: _written(key, value) for key, value in settings.items()},
    }


def prusa_config(
    settings: Mapping[str, str], changes: Sequence[Change], *, is_foreign: bool
) -> str:
    """The settings that PrusaSlicer is to load: what is changed, and all that it understands
    of a project that is not its own."""
    found: dict[str, str] = {}
    if is_foreign:
        found = {key: text for key, text in settings.items() if _is_loaded(key)}
    found |= {one.key: joined(one.key, one.new) for one in changes}
    lines = ["post_process = "]
    for key, text in sorted(found.items()):
        theirs = THEIRS.get(key)
        if theirs is None or key in RUN_BY_SLICERS or (key in _WIDTHS and text.endswith("%")):
            continue
        lines.append(f"{theirs} = {_CHOICES.get((key, text), text)}")
    return "\n".join(" ".join(line.splitlines()) for line in lines) + "\n"


def untranslated(changes: Sequence[Change]) -> list[str]:
    """The keys of changes that PrusaSlicer has no counterpart for."""
    return [one.key for one in changes if one.key not in THEIRS]


def reason_of(code: int) -> str:
    """Why OrcaSlicer ended with this number."""
    return REASONS.get(256 - code if code > 127 else abs(code), f"it ended with {code}")


_WIDTHS = frozenset(WIDTHS.values())
_CHOICES = {
    (key, ours): theirs for key, choices in CHOICES.items() for theirs, ours in choices.items()
}


def _is_loaded(key: str) -> bool:
    """Only what shapes the print: no names, notes, hosts, or G-code with another's variables."""
    known = KEYS.get(key)
    if known is None or key in METADATA or key.startswith(("filament_settings", "compatible")):
        return False
    return known.kind not in {Kind.GCODE, Kind.TEXT} or key in {"filament_type"}


def _written(key: str, value: Value) -> str | list[str]:
    known = KEYS.get(key)
    if isinstance(value, tuple):
        return list(value)
    return [value] if known is not None and known.is_list else value
