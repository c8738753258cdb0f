"""Cura's G-code: its two kinds of header, and its settings at the end of the file."""

from agent.slicer.gcode.windows import Windows
from agent.slicer.rules import Facts


def header(windows: Windows) -> dict[str, str]:
    """The lines `;NAME:value` before the first move; empty where Cura did not write the file."""
    del windows
    return {}


def facts(windows: Windows, said: dict[str, str]) -> Facts:
    del windows, said
    return Facts(kind="gcode")
