"""Bed, first layer, brim: whether the print stays where it is."""

from agent.slicer.checks.check import Check
from agent.slicer.checks.seen import WARM_PLATES, Found, Seen, at_least, at_most, measure
from agent.slicer.rules import Change, Evidence, Severity
from agent.slicer.values import figure

CELSIUS = "°C"
FAST_FIRST = (("initial_layer_speed", 80, "50"), ("initial_layer_infill_speed", 150, "105"))
HARD_FIRST = 5000
LARGE_MM = 120
SLENDER = 5
TALL_MM = 60


def plate_unsuitable(seen: Seen) -> Found | None:
    evidence: list[Evidence] = []
    for index in seen.used:
        key = seen.plate_key()
        others = [k for k in sorted(WARM_PLATES) if seen.values.number(k, index)]
        if seen.bed(index) != 0 or not others:
            continue
        evidence.append(
            seen.told(key, CELSIUS, index=index, limit="above 0 °C", where=seen.said_of(index))
        )
        evidence += [seen.told(k, CELSIUS, index=index, where=seen.said_of(index)) for k in others]
    if not evidence or seen.values.text("curr_bed_type") is None:
        return None
    return Found(
        "In the filament's preset 0 °C says that it is not made for this plate: it will not stick, "
        "or stick so well that the surface comes off with it.",
        "Choose the plate that lies in the printer in the box Plate type, or use another plate; if "
        "this one is right, give it a temperature in the filament's settings.",
        (seen.told("curr_bed_type"), *evidence),
    )


def _warm(seen: Seen, index: int, *, first: bool) -> float | None:
    """The temperature of a heated plate. On a cool plate glue does what heat does elsewhere."""
    if seen.plate_key() not in WARM_PLATES:
        return None
    bed = seen.bed(index, first=first)
    return seen.bed(index) if bed is None and first else bed


def bed_too_cold(seen: Seen) -> Found | None:
    evidence: list[Evidence] = []
    changes: list[Change] = []
    key = seen.plate_key(first=True)
    for index in seen.used:
        material, bed = seen.material(index), _warm(seen, index, first=True)
        if material is None or bed is None or bed >= material.bed[0]:
            continue
        if bed == 0 and not material.wants_bed_heat:
            continue
        low = material.bed[0]
        evidence.append(
            Evidence(key, measure(bed, CELSIUS), at_least(low, CELSIUS), seen.said_of(index))
        )
        reason = f"What {material.name} needs to stick."
        later = seen.bed(index)
        if later is None or later < low:
            changes.append(seen.filament(index, seen.plate_key(), figure(low + 5), reason))
        good = max(low + 5, min(later or 0, material.bed[1]))
        changes.append(seen.filament(index, key, figure(good), reason))
    if not evidence or _is_unsuitable(seen):
        return None
    return Found(
        "On a bed this cold the material lets go: corners lift within the first layers, or the "
        "whole part comes loose and is dragged around.",
        "Raise the bed's temperature in the filament's settings, for the plate in use.",
        tuple(evidence),
        tuple(changes),
    )


def _is_unsuitable(seen: Seen) -> bool:
    return plate_unsuitable(seen) is not None


def bed_too_hot(seen: Seen) -> Found | None:
    evidence: list[Evidence] = []
    changes: list[Change] = []
    for index in seen.used:
        if (material := seen.material(index)) is None:
            continue
        high = material.bed[1]
        for key, bed in (
            (seen.plate_key(first=True), seen.bed(index, first=True)),
            (seen.plate_key(), seen.bed(index)),
        ):
            if bed is not None and bed > high:
                limit, name = at_most(high, CELSIUS), seen.said_of(index)
                evidence.append(Evidence(key, measure(bed, CELSIUS), limit, name))
                reason = f"The most that {material.name} stays firm on."
                changes.append(seen.filament(index, key, figure(high - 10), reason))
    if not evidence:
        return None
    return Found(
        "Above this the lowest millimetres of the part never become firm: the foot bulges out, "
        "corners curl, and the part can weld itself to the plate.",
        "Lower the bed's temperature in the filament's settings, for the plate in use.",
        tuple(evidence),
        tuple(changes),
    )


def first_bed_colder(seen: Seen) -> Found | None:
    evidence: list[Evidence] = []
    changes: list[Change] = []
    first_key, key = seen.plate_key(first=True), seen.plate_key()
    for index in seen.used:
        first, later = seen.bed(index, first=True), seen.bed(index)
        if first is None or later is None or first >= later - 8 or _is_hot(seen, index):
            continue
        limit, name = at_least(later, CELSIUS), seen.said_of(index)
        evidence += [
            seen.told(first_key, CELSIUS, index=index, limit=limit, where=name),
            seen.told(key, CELSIUS, index=index, where=name),
        ]
        reason = "The first layer needs the warmth most."
        changes.append(seen.filament(index, first_key, figure(later), reason))
    if not evidence:
        return None
    return Found(
        "The bed is colder during the first layer than later. That is the layer that has to stick; "
        "later the bed only has to keep it there.",
        "Set the bed's temperature of the first layer to that of the others, or 5 °C above.",
        tuple(evidence),
        tuple(changes),
    )


def _is_hot(seen: Seen, index: int) -> bool:
    """Whether the later layers' bed is what is wrong."""
    material, later = seen.material(index), seen.bed(index)
    return material is not None and later is not None and later > material.bed[1]


def first_too_fast(seen: Seen) -> Found | None:
    fast = [
        (key, limit, good)
        for key, limit, good in FAST_FIRST
        if (speed := seen.speed(key)) is not None and speed > limit
    ]
    if not fast:
        return None
    return Found(
        "A first layer at this speed has too little time to melt onto the plate: lines are pulled "
        "along in curves, and small parts come loose.",
        "Print the first layer slowly; it is one layer of many.",
        tuple(seen.told(key, "mm/s", limit=at_most(limit, "mm/s")) for key, limit, _ in fast),
        tuple(seen.process(key, good, "Gives the lines time to stick.") for key, _, good in fast),
    )


def first_too_hard(seen: Seen) -> Found | None:
    own = seen.values.number("initial_layer_acceleration")
    key = "initial_layer_acceleration" if own else "default_acceleration"
    value = own or (seen.values.number(key) if own is not None else None)
    if value is None or value <= HARD_FIRST:
        return None
    return Found(
        "The first layer is accelerated so hard that lines are torn off the plate in their curves.",
        "Set the acceleration of the first layer to between 500 and 2000 mm/s².",
        (seen.told(key, "mm/s²", limit=at_most(HARD_FIRST, "mm/s²")),),
        (seen.process("initial_layer_acceleration", "1000", "Leaves the lines where they are."),),
    )


def _has_foot(seen: Seen) -> bool | None:
    """Whether a brim or a raft widens the foot; None where the file does not say."""
    brim, raft = seen.values.word("brim_type"), seen.values.number("raft_layers")
    if brim is None:
        return None
    return brim != "no_brim" or bool(raft)


def warping_without_brim(seen: Seen) -> Found | None:
    warping = [i for i in seen.used if (m := seen.material(i)) and m.warps]
    if not warping or _has_foot(seen) is not False:
        return None
    box = seen.analysis.bounding_box if seen.analysis else None
    sides = (box[3] - box[0], box[4] - box[1]) if box else None
    is_large = sides is not None and max(sides) > LARGE_MM
    size = (
        (Evidence("size", f"{sides[0]:.0f} × {sides[1]:.0f} mm", at_most(LARGE_MM, "mm")),)
        if sides and is_large
        else ()
    )
    return Found(
        "This material pulls its corners up as it cools. A brim holds them down; without one large "
        "or sharp-cornered parts come off.",
        "Choose the brim type Auto, or Outer brim only with 5 to 10 mm.",
        (
            seen.told("brim_type"),
            *(seen.told("filament_type", index=i, where=seen.said_of(i)) for i in warping),
            *size,
        ),
        (seen.process("brim_type", "auto_brim", "Holds the corners down where they need it."),),
        Severity.WARNING if is_large else None,
    )


def slender_without_brim(seen: Seen) -> Found | None:
    box = seen.analysis.bounding_box if seen.analysis else None
    if box is None or _has_foot(seen) is not False:
        return None
    foot, height = min(box[3] - box[0], box[4] - box[1]), box[5]
    if foot <= 0 or height < TALL_MM or height < SLENDER * foot:
        return None
    return Found(
        "The print is many times higher than its foot is wide. The nozzle pushes at its top with a "
        "long lever, and tips it over.",
        "Add a brim of 5 to 8 mm, or print several parts together that hold each other up.",
        (
            Evidence("height", measure(height, "mm", 1), at_most(SLENDER * foot, "mm", 0)),
            Evidence("foot", measure(foot, "mm", 1)),
            seen.told("brim_type"),
        ),
        (
            seen.process("brim_type", "outer_only", "A wider foot."),
            *_wider(seen),
        ),
    )


def _wider(seen: Seen) -> tuple[Change, ...]:
    width = seen.values.number("brim_width")
    if width is not None and width >= 6:
        return ()
    return (seen.process("brim_width", "6", "A wider foot."),)


def brim_apart(seen: Seen) -> Found | None:
    gap = seen.values.number("brim_object_gap")
    brim = seen.values.word("brim_type")
    if gap is None or gap <= 0.3 or brim in {None, "no_brim"}:
        return None
    return Found(
        "Between brim and part is a gap so wide that they do not touch: the brim is printed and "
        "holds nothing.",
        "Set the gap to 0.1 mm; 0 holds best and is harder to remove.",
        (seen.told("brim_object_gap", "mm", limit=at_most(0.3, "mm")), seen.told("brim_type")),
        (seen.process("brim_object_gap", "0.1", "Holds, and still comes off."),),
    )


def foot_cut_away(seen: Seen) -> Found | None:
    foot = seen.values.number("elefant_foot_compensation")
    if foot is None or foot <= 0.35:
        return None
    return Found(
        "The first layer is drawn in so far that it holds the part by less than it has, and its "
        "edge becomes a step of its own.",
        "Set the compensation to 0.1 to 0.2 mm; if the foot still bulges, the nozzle is too close "
        "to the plate or the bed too hot.",
        (seen.told("elefant_foot_compensation", "mm", limit=at_most(0.35, "mm")),),
        (seen.process("elefant_foot_compensation", "0.15", "What most printers need."),),
    )


CHECKS = (
    Check(
        "plate-unsuitable",
        "A plate that the filament is not made for",
        Severity.WARNING,
        "settings",
        plate_unsuitable,
    ),
    Check(
        "bed-too-cold",
        "A bed too cold for the material",
        Severity.WARNING,
        "settings",
        bed_too_cold,
    ),
    Check(
        "bed-too-hot", "A bed too hot for the material", Severity.WARNING, "settings", bed_too_hot
    ),
    Check(
        "first-layer-bed-colder",
        "A bed colder during the first layer",
        Severity.WARNING,
        "settings",
        first_bed_colder,
    ),
    Check("first-layer-fast", "A fast first layer", Severity.WARNING, "settings", first_too_fast),
    Check(
        "first-layer-acceleration",
        "A first layer accelerated hard",
        Severity.WARNING,
        "settings",
        first_too_hard,
    ),
    Check(
        "brim-missing",
        "A material that warps, and no brim",
        Severity.INFO,
        "settings",
        warping_without_brim,
    ),
    Check(
        "brim-missing-slender",
        "High and slender, and no brim",
        Severity.WARNING,
        "every move",
        slender_without_brim,
    ),
    Check("brim-apart", "A brim that does not touch", Severity.WARNING, "settings", brim_apart),
    Check(
        "foot-cut-away",
        "A first layer drawn in too far",
        Severity.WARNING,
        "settings",
        foot_cut_away,
    ),
)
