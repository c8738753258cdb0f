"""Fan and layer times: whether a line is firm before the next one lies on it."""

from collections.abc import Sequence

from agent.slicer.checks.check import Check
from agent.slicer.checks.layer_runs import longest, runs, where
from agent.slicer.checks.seen import Found, Seen, at_least, at_most, measure
from agent.slicer.rules import Change, Evidence, Severity
from agent.slicer.values import figure

QUICK_S = 4.0  # below this hardly any plastic is firm in time
FEW_LAYERS = 5
JUMP = 3.0
LASTING = 15  # layers
SLOW_S = 20.0  # a layer this long is cold enough for the next, whatever came before
PERCENT = "%"


def fan_too_weak(seen: Seen) -> Found | None:
    for index in seen.used:
        material, most = seen.material(index), seen.values.number("fan_max_speed", index)
        if material is None or not material.wants_fan or most is None or most >= 50:
            continue
        return Found(
            f"{material.name} stays soft long, and needs moving air to become firm. With this "
            "little of it overhangs curl, bridges sag, corners round off and small tops melt.",
            "Set the fan's highest speed to 100 %, and look whether the fan turns at all.",
            (
                seen.told(
                    "fan_max_speed",
                    PERCENT,
                    index=index,
                    limit=at_least(50, PERCENT),
                    where=seen.said_of(index),
                ),
            ),
            (seen.filament(index, "fan_max_speed", "100", f"{material.name} likes air."),),
        )
    return None


def fan_too_strong(seen: Seen) -> Found | None:
    for index in seen.used:
        material, least = seen.material(index), seen.values.number("fan_min_speed", index)
        if material is None or not material.dislikes_fan or least is None or least <= 50:
            continue
        return Found(
            f"{material.name} cracks between layers and warps when it cools fast. The fan blows "
            "on every layer here, not only on short layers and overhangs.",
            "Set the fan's lowest speed to 0 to 20 %; bridges and overhangs may have more.",
            (
                seen.told(
                    "fan_min_speed",
                    PERCENT,
                    index=index,
                    limit=at_most(50, PERCENT),
                    where=seen.said_of(index),
                ),
            ),
            (seen.filament(index, "fan_min_speed", "10", "Layers stick better uncooled."),),
        )
    return None


def fan_limits_swapped(seen: Seen) -> Found | None:
    for index in seen.used:
        least = seen.values.number("fan_min_speed", index)
        most = seen.values.number("fan_max_speed", index)
        if least is None or most is None or least <= most:
            continue
        higher = figure(min(least, 100))
        return Found(
            "The fan's lowest speed lies above its highest, so that short layers get less air "
            "than long ones: the wrong way round.",
            "Exchange the two in the filament's cooling settings.",
            (
                seen.told(
                    "fan_min_speed",
                    PERCENT,
                    index=index,
                    limit=at_most(most, PERCENT),
                    where=seen.said_of(index),
                ),
                seen.told("fan_max_speed", PERCENT, index=index, where=seen.said_of(index)),
            ),
            (
                seen.filament(index, "fan_min_speed", figure(most), "The lower of the two."),
                seen.filament(index, "fan_max_speed", higher, "The higher of the two."),
            ),
        )
    return None


def fan_on_first_layer(seen: Seen) -> Found | None:
    for index in seen.used:
        material = seen.material(index)
        off = seen.values.number("close_fan_the_first_x_layers", index)
        fan = seen.values.number("fan_min_speed", index)
        if material is None or off is None or off >= 1 or not fan:
            continue
        return Found(
            "The fan blows on the first layer. Cooled at once it sticks to the plate badly, and "
            "the bed's warmth is blown away.",
            "Switch the fan off for the first layer; for the first three with PETG, ABS and ASA.",
            (
                seen.told(
                    "close_fan_the_first_x_layers",
                    index=index,
                    limit=at_least(1),
                    where=seen.said_of(index),
                ),
                seen.told("fan_min_speed", PERCENT, index=index, where=seen.said_of(index)),
            ),
            (
                seen.filament(
                    index,
                    "close_fan_the_first_x_layers",
                    "3" if material.wants_bed_heat else "1",
                    "The first layer sticks better uncooled.",
                ),
            ),
            Severity.WARNING if material.wants_bed_heat else None,
        )
    return None


def no_slowing(seen: Seen) -> Found | None:
    for index in seen.used:
        if seen.values.flag("slow_down_for_layer_cooling", index) is not False:
            continue
        return Found(
            "Short layers are printed as fast as all others. Where the part gets small, at its tip "
            "or on a tower, each layer lands on one that is still soft.",
            "Switch on Slow printing down for better layer cooling in the filament's settings.",
            (
                seen.told(
                    "slow_down_for_layer_cooling", index=index, limit="1", where=seen.said_of(index)
                ),
            ),
            (
                seen.filament(
                    index, "slow_down_for_layer_cooling", "1", "Short layers get time to cool."
                ),
            ),
        )
    return None


def short_layer_time(seen: Seen) -> Found | None:
    for index in seen.used:
        least = seen.values.number("slow_down_layer_time", index)
        is_slowed = seen.values.flag("slow_down_for_layer_cooling", index)
        material = seen.material(index)
        if least is None or is_slowed is not True or least >= 3:
            continue
        if material and material.dislikes_fan:
            continue
        return Found(
            "A layer may follow the last within this time. Plastic is not firm by then, so that "
            "small features melt into each other.",
            "Set the layer time to 6 to 10 s; 4 s suffices with strong fans.",
            (
                seen.told(
                    "slow_down_layer_time",
                    "s",
                    index=index,
                    limit=at_least(3, "s"),
                    where=seen.said_of(index),
                ),
            ),
            (seen.filament(index, "slow_down_layer_time", "6", "Each layer becomes firm first."),),
        )
    return None


def slowest_too_fast(seen: Seen) -> Found | None:
    for index in seen.used:
        least = seen.values.number("slow_down_min_speed", index)
        is_slowed = seen.values.flag("slow_down_for_layer_cooling", index)
        if least is None or is_slowed is False or least <= 50:
            continue
        return Found(
            "Short layers are slowed down to cool, but never below this speed, which is too fast "
            "to help small parts.",
            "Set the lowest speed to 10 to 20 mm/s.",
            (
                seen.told(
                    "slow_down_min_speed",
                    "mm/s",
                    index=index,
                    limit=at_most(50, "mm/s"),
                    where=seen.said_of(index),
                ),
            ),
            (seen.filament(index, "slow_down_min_speed", "15", "Lets short layers cool."),),
        )
    return None


def overhangs_uncooled(seen: Seen) -> Found | None:
    for index in seen.used:
        material = seen.material(index)
        is_on = seen.values.flag("enable_overhang_bridge_fan", index)
        least = seen.values.number("fan_min_speed", index)
        if material is None or is_on is not False or least is None or least >= 60:
            continue
        if material.dislikes_fan or material.is_flexible:
            continue
        return Found(
            "Bridges and overhangs get no more air than other lines. They hang in the air until "
            "they are firm, and sag meanwhile.",
            "Switch on Force cooling for overhangs and bridges in the filament's settings.",
            (
                seen.told(
                    "enable_overhang_bridge_fan", index=index, limit="1", where=seen.said_of(index)
                ),
                seen.told("fan_min_speed", PERCENT, index=index, where=seen.said_of(index)),
            ),
            (
                seen.filament(
                    index, "enable_overhang_bridge_fan", "1", "What hangs becomes firm sooner."
                ),
            ),
        )
    return None


def layers_too_quick(seen: Seen) -> Found | None:
    if seen.analysis is None or not seen.used:
        return None
    layers = seen.analysis.layers
    quick = [i for i, took in enumerate(layers.seconds) if i > 0 and 0 < took < QUICK_S]
    found = [run for run in runs(quick) if run[1] - run[0] + 1 >= FEW_LAYERS]
    if not found:
        return None
    first, last = longest(found)
    fastest = min(layers.seconds[first : last + 1])
    wanted = seen.values.number("slow_down_layer_time", seen.used[0])
    return Found(
        "These layers follow each other faster than plastic becomes firm. The part gets soft as a "
        "whole there, leans, and loses its shape; the last layers of tips and towers look melted.",
        "Print two parts, or a second small tower, at once: the nozzle is away while a layer "
        "cools. Or set a longer layer time and a lower least speed in the filament's settings.",
        (
            Evidence(
                "layer time", measure(fastest, "s", 1), at_least(QUICK_S, "s"), where(found, layers)
            ),
            *(
                [seen.told("slow_down_layer_time", "s", index=seen.used[0])]
                if wanted is not None
                else []
            ),
        ),
        _more_time(seen, seen.used[0]),
    )


def _more_time(seen: Seen, index: int) -> tuple[Change, ...]:
    """What the slicer may do about it: not, where it does all of it already."""
    wanted = seen.values.number("slow_down_layer_time", index)
    least = seen.values.number("slow_down_min_speed", index)
    changes = []
    if wanted is not None and wanted < 8:
        reason = "Each layer becomes firm first."
        changes.append(seen.filament(index, "slow_down_layer_time", "8", reason))
    if least is not None and least > 10:
        reason = "Lets short layers cool."
        changes.append(seen.filament(index, "slow_down_min_speed", "10", reason))
    return tuple(changes)


def layer_time_jumps(seen: Seen) -> Found | None:
    if seen.analysis is None:
        return None
    layers = seen.analysis.layers
    jumps = _lasting_jumps(layers.seconds)
    if not jumps:
        return None
    before, after, _ = _around(layers.seconds, jumps[0])
    return Found(
        "From here on a layer takes a very different time than below, and goes on doing so: the "
        "part gets much wider or narrower. The plastic cools differently, and the wall shows that "
        "as a line or a change of gloss.",
        "If the line matters, slow the quick layers down with a longer layer time, or print walls "
        "slower throughout.",
        (
            Evidence(
                "layer time",
                f"{measure(before, 's', 0)}, then {measure(after, 's', 0)}",
                f"a factor of {figure(JUMP)}",
                where([(jump, jump) for jump in jumps], layers),
            ),
        ),
    )


def _around(times: Sequence[float], index: int) -> tuple[float, float, float]:
    """The middle of the times before and after, and how far they are apart. Solid layers above
    and below infill are few, and do not move the middle."""
    before, after = _middle(times[index - LASTING : index]), _middle(times[index : index + LASTING])
    low, high = sorted((before, after))
    return before, after, high / low if 0 < low < SLOW_S else 1.0


def _middle(times: Sequence[float]) -> float:
    return sorted(times)[len(times) // 2]


def _lasting_jumps(times: Sequence[float]) -> list[int]:
    """Of neighbours the one where the difference is greatest."""
    inside = range(LASTING, len(times) - LASTING + 1)
    factors = {index: _around(times, index)[2] for index in inside}
    return [
        max(range(first, last + 1), key=lambda index: abs(times[index] - times[index - 1]))
        for first, last in runs(index for index, factor in factors.items() if factor > JUMP)
    ]


CHECKS = (
    Check(
        "fan-weak", "Too little air for the material", Severity.WARNING, "settings", fan_too_weak
    ),
    Check(
        "fan-strong", "Too much air for the material", Severity.WARNING, "settings", fan_too_strong
    ),
    Check(
        "fan-limits-swapped",
        "The fan's lowest speed above its highest",
        Severity.WARNING,
        "settings",
        fan_limits_swapped,
    ),
    Check(
        "fan-on-first-layer",
        "The fan blows on the first layer",
        Severity.INFO,
        "settings",
        fan_on_first_layer,
    ),
    Check(
        "slowing-off",
        "Short layers are not slowed down",
        Severity.WARNING,
        "settings",
        no_slowing,
    ),
    Check(
        "layer-time-short",
        "Hardly any time for a layer to cool",
        Severity.WARNING,
        "settings",
        short_layer_time,
    ),
    Check(
        "slowing-not-far",
        "Short layers are not slowed down far enough",
        Severity.WARNING,
        "settings",
        slowest_too_fast,
    ),
    Check(
        "overhangs-uncooled",
        "No extra air for bridges and overhangs",
        Severity.WARNING,
        "settings",
        overhangs_uncooled,
    ),
    Check(
        "layers-too-quick",
        "Layers that come before the last is firm",
        Severity.WARNING,
        "every move",
        layers_too_quick,
    ),
    Check(
        "layer-time-jumps",
        "Layer times that leave a visible line",
        Severity.INFO,
        "every move",
        layer_time_jumps,
    ),
)
