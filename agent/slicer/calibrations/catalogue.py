"""Every calibration test, in the order in which they build on each other."""

from collections.abc import Mapping

from agent.slicer.calibrations.filament_tests import FILAMENT_TESTS
from agent.slicer.calibrations.flow_tests import FLOW_TESTS
from agent.slicer.calibrations.motion_tests import MOTION_TESTS
from agent.slicer.calibrations.rules import Calibration

CALIBRATIONS: tuple[Calibration, ...] = tuple(
    sorted((*FILAMENT_TESTS, *FLOW_TESTS, *MOTION_TESTS), key=lambda test: test.order)
)
BY_ID: Mapping[str, Calibration] = {test.id: test for test in CALIBRATIONS}


def after(test: Calibration) -> Calibration | None:
    """The test to do next, None behind the last: a finer one of the same kind before others."""
    later = [other for other in CALIBRATIONS if other.order > test.order]
    finer = [other for other in later if other.id.startswith(test.id)]
    return next(iter([*finer, *later]), None)
