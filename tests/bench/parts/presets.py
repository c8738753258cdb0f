"""All presets of a large data folder, resolved, beside reading and parsing the same files."""

import asyncio
import os
import time
from pathlib import Path

import orjson

from agent.slicer.presets.tree import Tree
from tests.bench.processes import Fake
from tests.bench.report import Row, ms, watching
from tests.bench.targets import median
from tests.slicing.presets import many

REACH = 2.0


async def measure(fake: Fake, folder: Path, *, quick: bool) -> list[Row]:
    """In turns: the files are found, read, parsed and kept; the same and every preset resolved;
    and once more, where nothing has changed."""
    del fake  # nobody asks a model
    files = 1_000 if quick else 10_000
    data = await asyncio.to_thread(many, folder / "presets", files)
    with watching() as others:
        turns = await asyncio.to_thread(_turns, data.root, 3 if quick else 9)
    plain, cold, again = (median([turn[n] for turn in turns]) for n in range(3))
    under = f"{files:,} files"
    return [
        Row(
            "presets resolved",
            under,
            ms(cold),
            f"read and parsed {ms(plain)}",
            f"{cold / plain:.2f} ×",
            f"{REACH:g} ×",
            cold / plain <= REACH,
            {"resolved": cold, "parsed": plain},
            others.cores,
        ),
        Row(
            "presets resolved, again",
            under,
            ms(again),
            f"read and parsed {ms(plain)}",
            f"{again / plain:.2f} ×",
            "",
            None,
            {"again": again},
            others.cores,
        ),
    ]


def _turns(root: Path, rounds: int) -> list[tuple[float, float, float]]:
    _parsed(root)  # the first time is read from the disk
    return [(_parsed(root), *_resolved(root)) for _ in range(rounds)]


def _parsed(root: Path) -> float:
    began = time.perf_counter()
    kept = []
    for where, _, names in os.walk(root):
        for name in names:
            with open(f"{where}/{name}", "rb") as file:  # noqa: PTH123 - the fastest way
                kept.append(orjson.loads(file.read()))
    return time.perf_counter() - began


def _resolved(root: Path) -> tuple[float, float]:
    began = time.perf_counter()
    tree = Tree(root)
    _all_of(tree)
    cold = time.perf_counter()
    _all_of(tree)
    return cold - began, time.perf_counter() - cold


def _all_of(tree: Tree) -> int:
    catalogue = tree.refresh()
    return sum(len(catalogue.resolve(one).settings) for one in catalogue.all)
