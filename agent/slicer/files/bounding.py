"""How much a file may say of itself: no slicer writes more, and whoever does wants to fill the
memory of all that list, check and show files."""

from collections.abc import Mapping
from dataclasses import replace

from agent.slicer.files.rules import without_secrets
from agent.slicer.rules import Facts, Filament, Plate

NAME, SENTENCE, VALUE = 300, 500, 1 << 16  # characters
SETTINGS, SETTINGS_CHARACTERS = 5000, 1 << 20
THUMBNAILS, PLATES, OBJECTS, CHANGED, NOTES, WARNINGS = 300, 1000, 1000, 3000, 50, 50
# Of all plates together: a thousand plates with a thousand names each were 300 MB.
ALL_OBJECTS, ALL_WARNINGS = 5000, 500
LEFT_OUT = "{} settings are longer than any slicer writes them, or too many, and were left out."


def bounded(facts: Facts) -> Facts:
    """The facts, without what is too much of them and what nobody should read there."""
    settings, left_out = _settings(facts.settings)
    written, _ = _settings(facts.written)
    notes = tuple(_cut(note, SENTENCE) for note in facts.notes[:NOTES])
    return replace(
        facts,
        generator=_name(facts.generator),
        version=_name(facts.version),
        printer=_name(facts.printer),
        filaments=tuple(_filament(one) for one in facts.filaments),
        settings=settings,
        written=written,
        thumbnails=facts.thumbnails[:THUMBNAILS],
        plates=_plates(facts.plates[:PLATES]),
        changed={kind: _keys(keys) for kind, keys in facts.changed.items()},
        notes=(*notes, LEFT_OUT.format(left_out)) if left_out else notes,
    )


def _settings(said: Mapping[str, str]) -> tuple[dict[str, str], int]:
    kept: dict[str, str] = {}
    able = without_secrets(said)
    characters = 0
    for key, value in able.items():
        characters += len(value)
        if len(kept) == SETTINGS or characters > SETTINGS_CHARACTERS:
            break
        if len(value) <= VALUE:
            kept[key] = value
        else:
            characters -= len(value)
    return kept, len(able) - len(kept)


def _filament(one: Filament) -> Filament:
    return replace(one, name=_name(one.name), type=_name(one.type), colour=_name(one.colour))


def _plates(plates: tuple[Plate, ...]) -> tuple[Plate, ...]:
    kept: list[Plate] = []
    objects, warnings = ALL_OBJECTS, ALL_WARNINGS
    for one in plates:
        plate = replace(
            one,
            name=_name(one.name),
            objects=tuple(_cut(each, NAME) for each in one.objects[: min(OBJECTS, objects)]),
            warnings=tuple(
                _cut(each, SENTENCE) for each in one.warnings[: min(WARNINGS, warnings)]
            ),
        )
        objects -= len(plate.objects)
        warnings -= len(plate.warnings)
        kept.append(plate)
    return tuple(kept)


def _keys(keys: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(_cut(key, NAME) for key in keys[:CHANGED])


def _name(text: str | None) -> str | None:
    return None if text is None else _cut(text, NAME)


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"
