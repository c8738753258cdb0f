"""Temperatures of nozzle and chamber against what the filament takes."""

from agent.slicer.checks.check import Check
from agent.slicer.checks.machines import is_open
from agent.slicer.checks.materials import is_abrasive, is_fibre_filled, is_foaming
from agent.slicer.checks.seen import Found, Seen, at_least, at_most, measure
from agent.slicer.rules import Change, Evidence, Severity
from agent.slicer.values import figure

CELSIUS = "°C"
SCORCHED = 25  # °C above the range: smoke, and clogs for certain
BLEND = 60  # °C between the nozzle temperatures of filaments that share a print
BED_BLEND = 25
KEYS = ("nozzle_temperature", "nozzle_temperature_initial_layer")
SOFT_NOZZLES = {"brass", "stainless_steel"}


def _range(seen: Seen, index: int) -> tuple[float, float, bool] | None:
    """Lowest and highest, and whether the file says so itself or the material does."""
    low = seen.values.number("nozzle_temperature_range_low", index)
    high = seen.values.number("nozzle_temperature_range_high", index)
    if low and high and low < high:
        return low, high, True
    material = seen.material(index)
    return (*material.nozzle, False) if material else None


def too_hot(seen: Seen) -> Found | None:
    evidence: list[Evidence] = []
    changes: list[Change] = []
    worst = 0.0
    for index in seen.used:
        if (known := _range(seen, index)) is None:
            continue
        high = known[1]
        for key in KEYS:
            value = seen.values.number(key, index)
            if value is not None and value > high:
                worst = max(worst, value - high)
                evidence.append(
                    seen.told(
                        key,
                        CELSIUS,
                        index=index,
                        limit=at_most(high, CELSIUS),
                        where=seen.said_of(index),
                    )
                )
                changes.append(seen.filament(index, key, figure(high), "The range's upper end."))
    if not evidence:
        return None
    return Found(
        "Above its range a plastic decomposes: it oozes and strings, turns brittle, smells, and "
        "leaves burnt bits that clog the nozzle. A hot end lined with PTFE gives off toxic fumes "
        "from about 250 °C.",
        "Lower the temperature into the range that the maker prints on the spool, or correct the "
        "range if it is wrong.",
        tuple(evidence),
        tuple(changes),
        Severity.BLOCKING if worst > SCORCHED else None,
    )


def too_cold(seen: Seen) -> Found | None:
    evidence: list[Evidence] = []
    changes: list[Change] = []
    for index in seen.used:
        if (known := _range(seen, index)) is None:
            continue
        low = known[0]
        for key in KEYS:
            value = seen.values.number(key, index)
            if value is not None and 0 < value < low:
                limit, name = at_least(low, CELSIUS), seen.said_of(index)
                evidence.append(seen.told(key, CELSIUS, index=index, limit=limit, where=name))
                changes.append(seen.filament(index, key, figure(low), "The range's lower end."))
    if not evidence:
        return None
    return Found(
        "Below its range the plastic hardly melts: the extruder clicks and skips, lines are thin "
        "and layers split apart.",
        "Raise the temperature into the range on the spool, or correct the range if it is wrong.",
        tuple(evidence),
        tuple(changes),
    )


def wrong_for_material(seen: Seen) -> Found | None:
    """Where the file's own range contains the value, but no such plastic is printed so."""
    evidence: list[Evidence] = []
    hottest = 0.0
    for index in seen.used:
        known, material = _range(seen, index), seen.material(index)
        if known is None or material is None or not known[2] or is_foaming(seen.name(index)):
            continue
        low, high = material.nozzle
        for key in KEYS:
            value = seen.values.number(key, index)
            if value is None or not known[0] <= value <= known[1] or low <= value <= high:
                continue
            hottest = max(hottest, value - high)
            evidence.append(
                seen.told(
                    key,
                    CELSIUS,
                    index=index,
                    limit=f"{figure(low)} to {figure(high)} °C for {material.name}",
                    where=seen.said_of(index),
                )
            )
    if not evidence:
        return None
    return Found(
        "The temperature lies in the range that the preset names, but far from what this kind of "
        "plastic is printed with. Either the preset belongs to another filament, or its type is "
        "wrong, on which cooling, plate and warnings depend.",
        "Look at the spool, and choose the preset of that material.",
        tuple(evidence),
        severity=Severity.BLOCKING if hottest > SCORCHED else None,
    )


def first_layer_colder(seen: Seen) -> Found | None:
    evidence: list[Evidence] = []
    changes: list[Change] = []
    for index in seen.used:
        first, later = (seen.values.number(key, index) for key in reversed(KEYS))
        if not first or not later or first >= later - 10:
            continue
        limit, name = at_least(later - 10, CELSIUS), seen.said_of(index)
        evidence += [
            seen.told(KEYS[1], CELSIUS, index=index, limit=limit, where=name),
            seen.told(KEYS[0], CELSIUS, index=index, where=name),
        ]
        reason = "As hot as the layers above it."
        known = _range(seen, index)
        good = min(later, known[1]) if known else later
        if good > first:
            changes.append(seen.filament(index, KEYS[1], figure(good), reason))
    if not evidence:
        return None
    return Found(
        "The first layer is printed clearly colder than the rest. It should stick to a plate, "
        "which is the hardest of all, and hotter plastic sticks better.",
        "Set the first layer's nozzle temperature to that of the others, or 5 °C above.",
        tuple(evidence),
        tuple(changes),
    )


def not_together(seen: Seen) -> Found | None:
    known = [(i, v) for i in seen.used if (v := seen.values.number("nozzle_temperature", i))]
    if len(known) < 2 or not seen.is_one_print:
        return None
    beds = [(i, b) for i, _ in known if (b := seen.bed(i)) is not None]
    is_far = max(v for _, v in known) - min(v for _, v in known) > BLEND
    are_beds_far = bool(beds) and max(b for _, b in beds) - min(b for _, b in beds) > BED_BLEND
    if not is_far and not are_beds_far:
        return None
    key = "nozzle_temperature" if is_far else seen.plate_key()
    limit = f"at most {BLEND if is_far else BED_BLEND} °C apart"
    return Found(
        "One nozzle and one bed serve all filaments of a print. With needs this far apart one of "
        "them is printed wrongly: the hot one clogs or burns what the cold one leaves in the "
        "nozzle, or the bed softens the one and lets the other go.",
        "Print them separately, or choose materials that are printed alike.",
        tuple(
            seen.told(key, CELSIUS, index=i, limit=limit, where=seen.said_of(i)) for i, _ in known
        ),
    )


def open_printer(seen: Seen) -> Found | None:
    needing = [i for i in seen.used if (m := seen.material(i)) and m.wants_enclosure]
    structure = seen.values.word("printer_structure")
    named = is_open(seen.model)
    if not needing or not (named or structure == "i3"):
        return None
    if seen.values.flag("support_chamber_temp_control"):
        return None
    filled = all(is_fibre_filled(seen.kind(i)) for i in needing)
    kinds = ", ".join(dict.fromkeys(seen.kind(i) or "" for i in needing))
    frame = Evidence("printer_model", seen.model, "a closed chamber")
    if not named:
        frame = seen.told("printer_structure", limit="a closed chamber")
    return Found(
        f"{kinds} shrinks much as it cools. In open air the outside of the part cools first, so "
        "that corners lift and layers crack, most of all in large and high parts."
        + (" The fibres in it make that milder." if filled else ""),
        "Close the printer in, also with a box or a tent, and keep draughts away; leave the fan "
        "off and use a brim. If it stands in an enclosure already, this is no concern.",
        (frame, *(seen.told("filament_type", index=i, where=seen.said_of(i)) for i in needing)),
        severity=Severity.INFO if filled else None,
    )


def chamber_too_hot(seen: Seen) -> Found | None:
    for index in seen.used:
        material = seen.material(index)
        chamber = seen.values.number("chamber_temperature", index)
        if chamber is None:
            chamber = seen.values.number("chamber_temperatures", index)
        is_on = seen.values.flag("activate_chamber_temp_control", index)
        if material is None or material.chamber_max is None or chamber is None or not is_on:
            continue
        if chamber <= material.chamber_max:
            continue
        return Found(
            f"In a chamber this warm {material.name} softens before it reaches the nozzle, swells "
            "in the extruder and jams it, minutes or hours into the print.",
            "Switch the chamber's control off for this filament, and open the lid or the door.",
            (
                Evidence(
                    "chamber_temperature",
                    measure(chamber, CELSIUS),
                    at_most(material.chamber_max, CELSIUS),
                    seen.said_of(index),
                ),
            ),
            (seen.filament(index, "activate_chamber_temp_control", "0", "Needs no warm chamber."),),
        )
    return None


def soft_nozzle(seen: Seen) -> Found | None:
    nozzle = seen.values.word("nozzle_type")
    hardness = seen.values.number("nozzle_hrc")
    for index in seen.used:
        needs = seen.values.number("required_nozzle_HRC", index) or 0
        is_softer = bool(hardness) and hardness is not None and 3 < needs > hardness
        rubs = is_abrasive(seen.kind(index), seen.name(index))
        if not is_softer and not (rubs and nozzle in SOFT_NOZZLES):
            continue
        told = seen.told("nozzle_hrc", "HRC", limit=at_least(needs, "HRC"))
        if not is_softer:
            told = seen.told("nozzle_type", limit="hardened_steel or harder")
        return Found(
            "Fibres and mineral powders in a filament grind a soft nozzle wider within hours: "
            "lines become too thick, then uneven. Brass is worst.",
            "Fit a nozzle of hardened steel or harder, and say so in the printer's settings.",
            (
                told,
                Evidence(
                    "filament_type",
                    seen.kind(index) or "",
                    None,
                    seen.name(index) or seen.kind(index),
                ),
            ),
        )
    return None


def narrow_nozzle_for_fibres(seen: Seen) -> Found | None:
    filled = [i for i in seen.used if is_fibre_filled(seen.kind(i))]
    if not filled or seen.nozzle_mm is None or seen.nozzle_mm >= 0.4:
        return None
    return Found(
        "Fibres bridge across a narrow nozzle and clog it, sooner or later in every print.",
        "Use a nozzle of at least 0.4 mm, better 0.6 mm, with fibre-filled filament.",
        (
            seen.told("nozzle_diameter", "mm", limit=at_least(0.4, "mm")),
            *(seen.told("filament_type", index=i, where=seen.said_of(i)) for i in filled),
        ),
    )


CHECKS = (
    Check(
        "nozzle-too-hot", "Hotter than the filament takes", Severity.WARNING, "settings", too_hot
    ),
    Check(
        "nozzle-too-cold", "Colder than the filament needs", Severity.WARNING, "settings", too_cold
    ),
    Check(
        "nozzle-wrong-for-material",
        "A nozzle temperature of another material",
        Severity.WARNING,
        "settings",
        wrong_for_material,
    ),
    Check(
        "first-layer-nozzle-colder",
        "A first layer colder than the rest",
        Severity.WARNING,
        "settings",
        first_layer_colder,
    ),
    Check(
        "filaments-not-together",
        "Filaments that cannot share a print",
        Severity.WARNING,
        "settings",
        not_together,
    ),
    Check(
        "enclosure-missing",
        "A material for closed printers on an open one",
        Severity.WARNING,
        "settings",
        open_printer,
    ),
    Check(
        "chamber-too-hot",
        "A chamber too warm for the filament",
        Severity.WARNING,
        "settings",
        chamber_too_hot,
    ),
    Check(
        "nozzle-too-soft",
        "An abrasive filament and a soft nozzle",
        Severity.WARNING,
        "settings",
        soft_nozzle,
    ),
    Check(
        "nozzle-narrow-for-fibres",
        "Fibres and a narrow nozzle",
        Severity.WARNING,
        "settings",
        narrow_nozzle_for_fibres,
    ),
)
