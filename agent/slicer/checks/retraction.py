"""Pulling the filament back, lifting the nozzle, pressure advance."""

from agent.slicer.checks.check import Check
from agent.slicer.checks.layer_runs import longest, runs, where
from agent.slicer.checks.machines import sets_its_own_advance
from agent.slicer.checks.seen import Found, Seen, at_least, at_most
from agent.slicer.rules import Evidence, Severity, Slicer
from agent.slicer.values import figure

LONG_DIRECT_MM = 2.0
LONG_BOWDEN_MM = 8.0
SHORT_BOWDEN_MM = 1.5
GROUND = 12.0  # times the same piece of filament runs through the gears
CROSSING = {"grid", "triangles", "tri-hexagon", "stars", "cubic"}
ADVANCED = {"klipper", "marlin", "marlin2", "reprapfirmware"}


def _lengths(seen: Seen) -> list[tuple[int, str, float]]:
    """Filament, key in force, and how far it is pulled back."""
    if seen.values.flag("use_firmware_retraction"):
        return []
    known = [(i, *seen.either("retraction_length", i)) for i in seen.used]
    return [(i, key, value) for i, key, value in known if value is not None]


def too_long(seen: Seen) -> Found | None:
    for index, key, length in _lengths(seen):
        limit = LONG_DIRECT_MM if seen.is_bowden is False else LONG_BOWDEN_MM
        material = seen.material(index)
        if length <= limit or (material and material.is_flexible):
            continue
        good = "0.8" if limit == LONG_DIRECT_MM else "5"
        text = (
            "With the extruder right above the nozzle this pulls molten plastic into the cold part "
            "of the hot end, where it sticks: clogs, and gaps after every travel."
            if limit == LONG_DIRECT_MM
            else "Pulled back this far the filament is ground down by the gears, and molten "
            "plastic comes into the cold part of the hot end and clogs it."
        )
        evidence = seen.told(
            key, "mm", index=index, limit=at_most(limit, "mm"), where=seen.said_of(index)
        )
        extruder = (
            (seen.told("extruder_type"),)
            if limit == LONG_DIRECT_MM and seen.values.word("extruder_type")
            else ()
        )
        return Found(
            text,
            "Direct drives need 0.4 to 1.2 mm, Bowden tubes 3 to 6 mm. If the filament runs "
            "through a tube from the extruder to the hot end, set the extruder's type to Bowden.",
            (evidence, *extruder),
            (seen.either_change(key, index, good, "A usual length for this extruder."),),
        )
    return None


def too_short(seen: Seen) -> Found | None:
    for index, key, length in _lengths(seen):
        material = seen.material(index)
        if not seen.is_bowden or not 0 < length < SHORT_BOWDEN_MM:
            continue
        if material and material.is_flexible:
            continue
        return Found(
            "The tube between extruder and hot end lets the filament move by more than it is "
            "pulled back, so that the pressure in the nozzle stays: strings and blobs.",
            "Set 3 to 6 mm, and find the best with the retraction calibration.",
            (
                seen.told(
                    key,
                    "mm",
                    index=index,
                    limit=at_least(SHORT_BOWDEN_MM, "mm"),
                    where=seen.said_of(index),
                ),
            ),
            (seen.either_change(key, index, "4", "A usual length for a Bowden tube."),),
        )
    return None


def switched_off(seen: Seen) -> Found | None:
    for index, key, length in _lengths(seen):
        material = seen.material(index)
        if length != 0 or (seen.facts.slicer is Slicer.UNKNOWN and material is None):
            continue
        if material and material.is_flexible:
            continue
        return Found(
            "The filament is never pulled back. On every way through the air the nozzle goes on "
            "dripping: strings, and blobs where the next line begins.",
            "Set the length to 0.8 mm for a direct drive, 4 mm for a Bowden tube.",
            (seen.told(key, "mm", index=index, limit="above 0 mm", where=seen.said_of(index)),),
            (
                seen.either_change(
                    key, index, "4" if seen.is_bowden else "0.8", "Stops the nozzle from dripping."
                ),
            ),
        )
    return None


def flexible_pulled_far(seen: Seen) -> Found | None:
    for index, key, length in _lengths(seen):
        material = seen.material(index)
        limit = 5.0 if seen.is_bowden else 1.5
        if material is None or not material.is_flexible or length <= limit:
            continue
        return Found(
            "Flexible filament stretches instead of moving. Pulled back far it wraps itself around "
            "the gears, or is squeezed out beside them.",
            "Set 0.4 to 0.8 mm and a low retraction speed; some strings remain with it always.",
            (
                seen.told(
                    key, "mm", index=index, limit=at_most(limit, "mm"), where=seen.said_of(index)
                ),
            ),
            (seen.filament(index, "filament_retraction_length", "0.6", "Stretches little."),),
        )
    return None


def odd_speed(seen: Seen) -> Found | None:
    for index in seen.used:
        key, speed = seen.either("retraction_speed", index)
        if speed is None or speed == 0 or 10 <= speed <= 120:
            continue
        is_fast = speed > 120
        return Found(
            "Pulled back this fast the gears grind the filament down or lose steps."
            if is_fast
            else "Pulled back this slowly the nozzle drips the whole time.",
            "Set 25 to 50 mm/s.",
            (
                seen.told(
                    key, "mm/s", index=index, limit="10 to 120 mm/s", where=seen.said_of(index)
                ),
            ),
            (seen.either_change(key, index, "35", "What most extruders do well."),),
        )
    return None


def rarely(seen: Seen) -> Found | None:
    for index in seen.used:
        key, travel = seen.either("retraction_minimum_travel", index)
        if travel is None or travel <= 6:
            continue
        return Found(
            "On ways shorter than this the filament is not pulled back, and the nozzle draws "
            "strings across them.",
            "Set 1 to 2 mm.",
            (seen.told(key, "mm", index=index, limit=at_most(6, "mm"), where=seen.said_of(index)),),
            (seen.either_change(key, index, "2", "Short ways draw strings, too."),),
        )
    return None


def pushes_too_much(seen: Seen) -> Found | None:
    key, extra = "retract_restart_extra", seen.values.number("retract_restart_extra")
    if extra is None or abs(extra) <= 0.1:
        return None
    return Found(
        "After each way through the air more filament is pushed out than was pulled back, which "
        "leaves a blob at every start."
        if extra > 0
        else "After each way through the air less filament comes back than was pulled, which "
        "leaves a gap at every start.",
        "Set it to 0; what is missing after a retraction is better cured by its length.",
        (seen.told(key, "mm", limit="-0.1 to 0.1 mm"),),
        (seen.machine(key, "0", "As much back as was pulled."),),
    )


def hops_high(seen: Seen) -> Found | None:
    for index in seen.used:
        key, hop = seen.either("z_hop", index)
        if hop is None or hop <= 1.0:
            continue
        return Found(
            "Lifting the nozzle this far on every way takes long, and while it rises it draws a "
            "string; it also wears the Z axis.",
            "Set 0.2 to 0.4 mm: one or two layers are enough to pass over the part.",
            (
                seen.told(
                    key, "mm", index=index, limit=at_most(1.0, "mm"), where=seen.said_of(index)
                ),
            ),
            (seen.either_change(key, index, "0.4", "Two layers are enough."),),
        )
    return None


def crossing_without_hop(seen: Seen) -> Found | None:
    pattern = seen.values.word("sparse_infill_pattern")
    density = seen.values.number("sparse_infill_density") or 0
    hops = [seen.either("z_hop", index)[1] for index in seen.used]
    if pattern not in CROSSING or density < 25 or not hops or any(hop != 0 for hop in hops):
        return None
    return Found(
        "The lines of this pattern cross within a layer and pile up where they do. The nozzle "
        "travels at the height of the layer and knocks against these spots; tall parts come loose.",
        "Choose gyroid, crosshatch or rectilinear, or lift the nozzle by 0.2 mm.",
        (
            seen.told("sparse_infill_pattern"),
            seen.told("sparse_infill_density"),
            seen.told("z_hop", "mm", limit="above 0 mm with this pattern"),
        ),
        (seen.process("sparse_infill_pattern", "gyroid", "Its lines do not cross in a layer."),),
    )


def no_advance(seen: Seen) -> Found | None:
    fast = seen.speed("outer_wall_speed")
    if seen.firmware not in ADVANCED or fast is None or fast < 100:
        return None
    if seen.facts.slicer is Slicer.BAMBU or sets_its_own_advance(seen.model):
        return None
    off = [i for i in seen.used if seen.values.flag("enable_pressure_advance", i) is False]
    if not off or len(off) < len(seen.used):
        return None
    return Found(
        "At these speeds the pressure in the nozzle lags behind: corners bulge, and lines begin "
        "thin and end thick, unless the firmware has a value of its own.",
        "If the printer's configuration holds no pressure advance, run that calibration and enter "
        "the value in the filament's settings.",
        (
            *(seen.told("enable_pressure_advance", index=i, where=seen.said_of(i)) for i in off),
            seen.told("outer_wall_speed", "mm/s", limit="below 100 mm/s without it"),
        ),
    )


def odd_advance(seen: Seen) -> Found | None:
    for index in seen.used:
        value = seen.values.number("pressure_advance", index)
        if value is None or seen.values.flag("enable_pressure_advance", index) is not True:
            continue
        if seen.values.flag("adaptive_pressure_advance", index):
            continue
        material = seen.material(index)
        limit = 2.0 if seen.is_bowden else (0.4 if material and material.is_flexible else 0.2)
        if 0 < value <= limit:
            continue
        is_zero = value == 0
        return Found(
            "It is switched on with the value 0, which switches off what the printer's own "
            "configuration has."
            if is_zero
            else "With so much of it corners are starved and lines begin and end in gaps; the "
            "extruder knocks audibly. Direct drives need 0.02 to 0.06, Bowden tubes 0.3 to 1.",
            "Run the pressure advance calibration and enter its value, or switch it off here so "
            "that the printer's own value holds.",
            (
                seen.told(
                    "pressure_advance",
                    index=index,
                    limit=f"above 0, {at_most(limit)}",
                    where=seen.said_of(index),
                ),
            ),
            (
                seen.filament(
                    index, "enable_pressure_advance", "0", "The printer's own value holds again."
                ),
            ),
        )
    return None


def grinding(seen: Seen) -> Found | None:
    lengths = _lengths(seen)
    if seen.analysis is None or not lengths:
        return None
    layers, length = seen.analysis.layers, max(value for _, _, value in lengths)
    worn = [
        index
        for index, (count, used) in enumerate(
            zip(layers.retractions, layers.filament_mm, strict=False)
        )
        if index > 0 and used > 0 and count > 20 and count * length / used > GROUND
    ]
    found = [run for run in runs(worn) if run[1] - run[0] + 1 >= 3]
    if not found:
        return None
    first, last = longest(found)
    count = sum(layers.retractions[first : last + 1])
    used = sum(layers.filament_mm[first : last + 1])
    return Found(
        "In these layers the same piece of filament is pulled through the gears again and again, "
        "until they have ground it down and grip no more.",
        "Raise the shortest travel that retracts, shorten the retraction, or let the nozzle avoid "
        "crossing walls.",
        (
            Evidence(
                "retractions",
                f"{count} in {figure(used, 0)} mm of filament",
                f"each piece {at_most(GROUND, 'times', 0)}",
                where(found, layers),
            ),
        ),
        (seen.process("reduce_crossing_wall", "1", "Ways inside the part need no retraction."),),
    )


CHECKS = (
    Check("retraction-long", "A long retraction", Severity.WARNING, "settings", too_long),
    Check(
        "retraction-short",
        "A short retraction for a Bowden tube",
        Severity.WARNING,
        "settings",
        too_short,
    ),
    Check("retraction-off", "No retraction", Severity.WARNING, "settings", switched_off),
    Check(
        "retraction-flexible",
        "A long retraction for flexible filament",
        Severity.WARNING,
        "settings",
        flexible_pulled_far,
    ),
    Check(
        "retraction-speed", "An unusual retraction speed", Severity.WARNING, "settings", odd_speed
    ),
    Check("retraction-rare", "Short travels do not retract", Severity.WARNING, "settings", rarely),
    Check(
        "retraction-extra",
        "A blob or a gap after each retraction",
        Severity.WARNING,
        "settings",
        pushes_too_much,
    ),
    Check("z-hop-high", "A high Z-hop", Severity.WARNING, "settings", hops_high),
    Check(
        "infill-crossing",
        "Infill lines that cross, and no Z-hop",
        Severity.INFO,
        "settings",
        crossing_without_hop,
    ),
    Check(
        "pressure-advance-off",
        "Fast walls without pressure advance",
        Severity.INFO,
        "settings",
        no_advance,
    ),
    Check(
        "pressure-advance-value",
        "An unusual pressure advance",
        Severity.WARNING,
        "settings",
        odd_advance,
    ),
    Check(
        "filament-ground",
        "The same piece of filament pulled back too often",
        Severity.WARNING,
        "every move",
        grinding,
    ),
)
