"""Where in a print something happens: runs of layers in words."""

from collections.abc import Iterable, Sequence

from agent.slicer.rules import Layers
from agent.slicer.values import figure

Run = tuple[int, int]


def runs(indexes: Iterable[int]) -> list[Run]:
    """Neighbours joined: first and last of each run, counted from 0."""
    found: list[Run] = []
    for index in indexes:
        if found and index == found[-1][1] + 1:
            found[-1] = (found[-1][0], index)
        else:
            found.append((index, index))
    return found


def longest(found: Sequence[Run]) -> Run:
    return max(found, key=lambda run: run[1] - run[0])


def where(found: Sequence[Run], layers: Layers, *, most: int = 3) -> str:
    """`layers 12 to 40 (2.4 to 8 mm), layer 55 (11 mm) and 2 more places`, counted from 1."""
    told = [_told(run, layers) for run in found[:most]]
    rest = len(found) - most
    return ", ".join(told) + (
        f" and {rest} more place{'s' if rest > 1 else ''}" if rest > 0 else ""
    )


def _told(run: Run, layers: Layers) -> str:
    first, last = run
    name = f"layer {first + 1}" if first == last else f"layers {first + 1} to {last + 1}"
    if last >= len(layers.z_mm):
        return name
    low, high = figure(layers.z_mm[first]), figure(layers.z_mm[last])
    return f"{name} ({low} mm)" if first == last else f"{name} ({low} to {high} mm)"
