"""Printers that are real servers, know what was printed, and can be told to misbehave."""

from tests.fakes.printers.moonraker import FakeMoonraker
from tests.fakes.printers.octoprint import FakeOctoPrint
from tests.fakes.printers.prusalink import FakePrusaLink
from tests.fakes.printers.server import FakePrinter, How

__all__ = ["FakeMoonraker", "FakeOctoPrint", "FakePrinter", "FakePrusaLink", "How"]
