"""What the G-code of a plate says, put where the project says nothing: decisions alone."""

from dataclasses import replace
from typing import TypeVar

from agent.slicer.gcode.reading import NO_SETTINGS
from agent.slicer.rules import Facts, Filament, Plate, Slicer

T = TypeVar("T")


def filled(facts: Facts, plate: int, said: Facts) -> Facts:
    """The facts of a project, with what only the plate's G-code tells. Nothing is replaced."""
    plates = _plates(facts, plate, said)
    sliced = [one for one in plates if one.is_sliced]
    times = [one.estimated_seconds for one in sliced if one.estimated_seconds]
    facts = replace(facts, plates=plates, estimated_seconds=sum(times) if times else None)
    facts = _settings(facts, said)
    return _only(facts, said) if len(sliced) == 1 else facts


def of_plate(facts: Facts, plate: int, said: Facts) -> Facts:
    """One plate as a print of its own: its G-code goes before the project."""
    known = _known(facts, plate)
    return replace(
        facts,
        sliced_at=said.sliced_at or facts.sliced_at,
        printer=said.printer or facts.printer,
        estimated_seconds=said.estimated_seconds or known.estimated_seconds,
        first_layer_seconds=said.first_layer_seconds,
        layers=said.layers,
        max_z_mm=said.max_z_mm,
        filament_changes=said.filament_changes,
        filaments=said.filaments if _used(said) else facts.filaments,
        settings={**facts.settings, **said.settings},
        written=said.written or facts.written,
        plates=(known,),
        hottest_nozzle_c=said.hottest_nozzle_c,
        hottest_bed_c=said.hottest_bed_c,
        missing=said.missing,
    )


def _plates(facts: Facts, plate: int, said: Facts) -> tuple[Plate, ...]:
    known = _known(facts, plate)
    grams = round(sum(one.used_g or 0 for one in said.filaments), 3)
    told = replace(
        known,
        estimated_seconds=known.estimated_seconds or said.estimated_seconds,
        grams=known.grams or grams or None,
        is_sliced=True,
    )
    others = [one for one in facts.plates if one.index != plate]
    return tuple(sorted([*others, told], key=lambda one: one.index))


def _settings(facts: Facts, said: Facts) -> Facts:
    """Of a project without settings. Half of them would say more wrong than none."""
    if facts.settings or not said.settings or said.notes:
        return facts
    return replace(
        facts,
        printer=facts.printer or said.printer,
        settings=said.settings,
        written=said.written,
        changed=said.changed,
        filaments=facts.filaments or tuple(_named(one) for one in said.filaments),
        notes=tuple(note for note in facts.notes if note != NO_SETTINGS),
    )


def _only(facts: Facts, said: Facts) -> Facts:
    """Where one plate is sliced, its numbers are the project's."""
    if facts.slicer is Slicer.UNKNOWN and facts.generator is None:
        facts = replace(facts, slicer=said.slicer, generator=said.generator, version=said.version)
    return replace(
        facts,
        sliced_at=facts.sliced_at or said.sliced_at,
        first_layer_seconds=facts.first_layer_seconds or said.first_layer_seconds,
        layers=facts.layers or said.layers,
        max_z_mm=facts.max_z_mm or said.max_z_mm,
        filament_changes=_either(facts.filament_changes, said.filament_changes),
        filaments=_filaments(facts, said),
    )


def _named(one: Filament) -> Filament:
    """Without what one plate of several uses of it."""
    return Filament(one.index, one.name, one.type, one.colour)


def _filaments(facts: Facts, said: Facts) -> tuple[Filament, ...]:
    """What is used of each. The length of a G-code may stand beside the project's weight."""
    if not facts.filaments:
        return said.filaments
    told = {one.index: one for one in said.filaments}
    return tuple(_filament(one, told.get(one.index)) for one in facts.filaments)


def _filament(one: Filament, said: Filament | None) -> Filament:
    if said is None:
        return one
    return replace(
        one,
        used_mm=_either(one.used_mm, said.used_mm),
        used_cm3=_either(one.used_cm3, said.used_cm3),
        used_g=_either(one.used_g, said.used_g),
        cost=_either(one.cost, said.cost),
    )


def _either(known: T | None, said: T | None) -> T | None:
    return said if known is None else known


def _known(facts: Facts, plate: int) -> Plate:
    return next((one for one in facts.plates if one.index == plate), Plate(plate))


def _used(facts: Facts) -> bool:
    return any(one.used_mm or one.used_g for one in facts.filaments)
