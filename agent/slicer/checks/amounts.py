"""How much is printed: filament, changes of it, time; and whether the file is whole."""

from agent.slicer.checks.check import Check
from agent.slicer.checks.seen import LONGEST, Found, Seen, at_least, at_most, measure
from agent.slicer.gcode.ending import AFTER_MOVES, LINE_BREAKS
from agent.slicer.rules import Evidence, Severity
from agent.slicer.values import duration

SPOOL_G = 1000.0
RESERVE = 0.05  # of a spool that cannot be printed: the estimate's error, and its end
MANY_CHANGES = 150
TIME_SLACK = 0.35
LAYER_SLACK = 2
USUAL_WARNINGS = ("bed_temperature_too_high", "not_support_traditional_timelapse")
CHANGERS = ("TPU-AMS", "TPU FOR AMS")


def _grams(seen: Seen) -> float | None:
    known = [one.used_g for one in seen.facts.filaments if one.used_g]
    return sum(known) if known else None


def spool_too_small(seen: Seen) -> Found | None:
    grams = _grams(seen)
    if grams is None or seen.spool_g is None or grams <= seen.spool_g * (1 - RESERVE):
        return None
    is_short = grams > seen.spool_g
    digits = 0 if abs(grams - seen.spool_g) >= 1 else 2  # so that one sees which is more
    return Found(
        "There is less filament on the spool than the print needs. Without a sensor the printer "
        "goes on in the air when it ends."
        if is_short
        else "The print needs almost all of the spool; the estimate is not more exact than that.",
        "Put on another spool, or have one ready and change at the end of the first.",
        (
            Evidence("filament", measure(grams, "g", digits), at_most(seen.spool_g, "g", digits)),
            Evidence("spool", measure(seen.spool_g, "g", digits)),
        ),
        severity=Severity.BLOCKING
        if is_short and seen.is_one_print and len(seen.used) == 1
        else None,
    )


def more_than_a_spool(seen: Seen) -> Found | None:
    if seen.spool_g is not None:
        return None
    heavy = [one for one in seen.facts.filaments if (one.used_g or 0) > SPOOL_G]
    if not heavy:
        return None
    return Found(
        "The print needs more filament than is on the usual spool of one kilogram.",
        "Have a second spool ready, and see that the printer stops when the first ends.",
        tuple(
            Evidence("filament", measure(one.used_g or 0, "g", 0), at_most(SPOOL_G, "g"), one.name)
            for one in heavy
        ),
    )


def weight_unknown(seen: Seen) -> Found | None:
    unknown = [i for i in seen.used if seen.values.number("filament_density", i) == 0]
    if not unknown:
        return None
    return Found(
        "Without its density the slicer cannot say how much the print weighs and costs, nor "
        "whether the spool suffices.",
        "Enter the density in the filament's settings: 1.24 g/cm³ for PLA, 1.27 for PETG, 1.04 "
        "for ABS.",
        tuple(
            seen.told("filament_density", "g/cm³", index=i, limit="above 0", where=seen.said_of(i))
            for i in unknown
        ),
    )


def many_changes(seen: Seen) -> Found | None:
    changes, layers = seen.facts.filament_changes, seen.facts.layers
    if changes is None or changes <= MANY_CHANGES:
        return None
    each = (Evidence("layers", str(layers)),) if layers else ()
    return Found(
        "Each change of filament takes a minute or two and throws some of it away; with this many "
        "they are most of the print's time and waste.",
        "Colour by height rather than within a layer, print parts in one colour each, or several "
        "copies at once: the changes stay as many.",
        (Evidence("filament changes", str(changes), at_most(MANY_CHANGES)), *each),
    )


def tower_missing(seen: Seen) -> Found | None:
    changes = seen.facts.filament_changes
    if not changes or seen.values.flag("enable_prime_tower") is not False:
        return None
    if not seen.values.flag("single_extruder_multi_material"):
        return None
    if seen.values.flag("manual_filament_change") or seen.values.flag("flush_into_infill"):
        return None
    return Found(
        "One nozzle prints several filaments, and after a change nothing takes up the rest of the "
        "old one: the part begins with mixed colours and gaps.",
        "Switch the prime tower on.",
        (
            seen.told("enable_prime_tower", limit="1"),
            Evidence("filament changes", str(changes)),
        ),
        (seen.process("enable_prime_tower", "1", "Takes up the rest of the old filament."),),
    )


def flexible_in_changer(seen: Seen) -> Found | None:
    if not seen.values.flag("single_extruder_multi_material") or not seen.is_one_print:
        return None
    if len(seen.used) < 2:
        return None
    if seen.values.flag("manual_filament_change"):
        return None
    soft = [
        i
        for i in seen.used
        if (m := seen.material(i))
        and m.is_flexible
        and not any(word in f"{seen.kind(i)} {seen.name(i)}".upper() for word in CHANGERS)
    ]
    if not soft:
        return None
    return Found(
        "A filament changer pushes the filament through a long tube. Flexible filament buckles in "
        "it and jams.",
        "Feed the flexible filament by itself, or use one that its maker sells for changers.",
        tuple(seen.told("filament_type", index=i, where=seen.said_of(i)) for i in soft),
    )


def cut_off(seen: Seen) -> Found | None:
    """By its end, and once its moves were read by its layers, too."""
    missing = seen.facts.missing
    fewer = _fewer_layers(seen)
    if missing is None and fewer is None:
        return None
    is_one_line = missing == LINE_BREAKS
    evidence = (
        *([Evidence("end of the file", f"without {missing}")] if missing else []),
        *([fewer] if fewer else []),
    )
    return Found(
        "The file has lost its line breaks: it is one endless line, of which no printer can read "
        "a command."
        if is_one_line
        else "The end of the file is missing, most likely because it was cut off while it was "
        "written or copied. The print would stop in the middle, hot.",
        "Export or copy the file again.",
        evidence,
        severity=Severity.BLOCKING if fewer or _ends_in_its_moves(seen) else None,
    )


def _ends_in_its_moves(seen: Seen) -> bool:
    """Where nobody says how many layers there should be."""
    return bool(seen.analysis and not seen.facts.layers and seen.facts.missing in AFTER_MOVES)


def _fewer_layers(seen: Seen) -> Evidence | None:
    """Slicers count layers in ways of their own: a few less are no loss in a file with its end."""
    said = seen.facts.layers
    if seen.analysis is None or not said:
        return None
    counted = len(seen.analysis.layers.z_mm)
    slack = 0 if seen.facts.missing else max(LAYER_SLACK, said * 0.02)
    if counted >= said - slack or (counted == 0 and not seen.facts.missing):
        return None
    return Evidence("layers", str(counted), at_least(said), "in the file")


def time_differs(seen: Seen) -> Found | None:
    said = seen.facts.estimated_seconds
    if seen.analysis is None or not said or seen.analysis.seconds <= 0 or said < 300:
        return None
    taken = seen.analysis.seconds
    if abs(taken - said) <= TIME_SLACK * said:
        return None
    return Found(
        "The moves take clearly longer than the slicer says."
        if taken > said
        else "The moves take clearly less time than the slicer says; the rest are pauses, changes "
        "of filament, or limits that the file does not name.",
        "Enter the printer's real accelerations and speeds in its motion settings, on which the "
        "estimate rests.",
        (Evidence("time", duration(taken), f"{duration(said)} estimated"),),
    )


def settings_absent(seen: Seen) -> Found | None:
    if seen.facts.settings:
        return None
    return Found(
        "The file does not hold the settings that it was sliced with. Nearly all checks need them, "
        "so that little can be said about it.",
        "Let the slicer write its settings into the file."
        if seen.facts.kind == "3mf"
        else "Let the slicer write its settings into the file, or look at the project instead.",
        (Evidence("settings", "0", at_least(1)),),
    )


def slicer_warned(seen: Seen) -> Found | None:
    said = [(plate, text) for plate in seen.facts.plates for text in plate.warnings]
    if not said:
        return None
    is_usual = all(text.startswith(USUAL_WARNINGS) for _, text in said)
    return Found(
        "The slicer itself had doubts about this file when it sliced it."
        + (" It says this of most prints with a heated bed." if is_usual else ""),
        "Open the door or the lid, so that the filament stays cool on its way to the nozzle."
        if is_usual
        else "Open the project and read the warning beside the plate.",
        tuple(
            Evidence("warning", text[:LONGEST].replace("_", " "), None, f"plate {plate.index}")
            for plate, text in said[:8]
        ),
        severity=Severity.INFO if is_usual else None,
    )


def shrinkage_odd(seen: Seen) -> Found | None:
    for index in seen.used:
        value = seen.values.number("filament_shrink", index)
        if value is None or value == 0 or 97 <= value <= 102:
            continue
        return Found(
            "The whole part is scaled by this. No filament shrinks so much in a print; the "
            "measure may be meant the other way round: 99.5 % for one that shrinks by half a "
            "percent.",
            "Set 100 %, print the tolerance test, and measure.",
            (
                seen.told(
                    "filament_shrink", index=index, limit="97 to 102 %", where=seen.said_of(index)
                ),
            ),
            (seen.filament(index, "filament_shrink", "100%", "Begin without it, and measure."),),
        )
    return None


CHECKS = (
    Check(
        "spool-too-small", "Not enough on the spool", Severity.WARNING, "the file", spool_too_small
    ),
    Check("spool-more-than-one", "More than a spool", Severity.INFO, "the file", more_than_a_spool),
    Check("weight-unknown", "The weight is unknown", Severity.INFO, "settings", weight_unknown),
    Check("changes-many", "Many changes of filament", Severity.INFO, "the file", many_changes),
    Check(
        "prime-tower-missing",
        "Filaments change without a prime tower",
        Severity.WARNING,
        "the file",
        tower_missing,
    ),
    Check(
        "flexible-in-changer",
        "Flexible filament in a changer",
        Severity.WARNING,
        "settings",
        flexible_in_changer,
    ),
    Check("cut-off", "The file is cut off", Severity.WARNING, "the file", cut_off),
    Check(
        "time-differs", "The time is not as estimated", Severity.INFO, "every move", time_differs
    ),
    Check(
        "settings-absent", "A file without its settings", Severity.INFO, "the file", settings_absent
    ),
    Check("slicer-warned", "The slicer warned", Severity.WARNING, "the file", slicer_warned),
    Check("shrinkage", "An unusual shrinkage", Severity.WARNING, "settings", shrinkage_odd),
)
