"""Writes models as STL files, for a real slicer to slice."""

import struct
from collections.abc import Iterable, Iterator
from pathlib import Path

Point = tuple[float, float, float]
Triangle = tuple[Point, Point, Point]

FACES = (
    *((0, 2, 1), (1, 2, 3), (4, 5, 6), (5, 7, 6), (0, 1, 4), (1, 5, 4)),
    *((2, 6, 3), (3, 6, 7), (0, 4, 2), (2, 4, 6), (1, 3, 5), (3, 7, 5)),
)


def box(corner: Point, size: Point) -> Iterator[Triangle]:
    """A box that stands at `corner`."""
    points = [
        (
            corner[0] + size[0] * (n & 1),
            corner[1] + size[1] * (n >> 1 & 1),
            corner[2] + size[2] * (n >> 2 & 1),
        )
        for n in range(8)
    ]
    return ((points[a], points[b], points[c]) for a, b, c in FACES)


def cube(size_mm: float = 20) -> list[Triangle]:
    """A cube."""
    return list(box((0, 0, 0), (size_mm, size_mm, size_mm)))


def table() -> list[Triangle]:
    """A plate on a foot: all around it hangs in the air."""
    return [*box((8, 8, 0), (4, 4, 10)), *box((0, 0, 10), (20, 20, 2))]


def write_stl(path: Path, triangles: Iterable[Triangle]) -> Path:
    """In the binary form. Normals are left for the slicer to find."""
    found = list(triangles)
    content = bytearray(80) + struct.pack("<L", len(found))
    for triangle in found:
        # PrusaSlicer takes a file for text unless a byte above 127 is near the beginning: -0.0.
        flat = (-0.0, 0.0, 0.0, *(value for point in triangle for value in point))
        content += struct.pack("<12fH", *flat, 0)
    path.write_bytes(content)
    return path
