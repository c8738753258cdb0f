"""The calibration assistant over HTTP."""

from quart import Blueprint, Response

from agent.shared.web import asks, gives, gives_media, json, needs, takes
from agent.slicer.calibrations import shapes
from agent.slicer.calibrations.catalogue import CALIBRATIONS
from agent.slicer.calibrations.service import CalibrationService
from agent.slicer.presets.writing import as_bytes


def routes(calibrations: CalibrationService) -> Blueprint:
    bp = Blueprint("calibrations", __name__, url_prefix=shapes.BASE)

    @bp.get("")
    @needs("slicer")
    @gives(shapes.CalibrationsOut)
    async def list_calibrations() -> Response:
        """Every test, in the order in which they build on each other, with what each needs."""
        return json({"items": [shapes.info(one) for one in CALIBRATIONS], "next_cursor": None})

    @bp.post("")
    @needs("slicer")
    @takes(shapes.CalibrationIn, limit_bytes=64 * 1024)
    @gives(shapes.CalibratedOut)
    async def compute_calibration(asked: shapes.CalibrationIn) -> Response:
        """The value that follows from what was measured, and a preset that holds it."""
        found = await calibrations.compute(
            asked.test, dict(asked.values), parent=asked.parent, name=asked.name
        )
        return json(shapes.calibrated(found, asked))

    @bp.get("/<test>/preset.json")
    @needs("slicer")
    @asks(shapes.CalibratedPresetQuery)
    @gives_media(200, "application/json")
    async def download_calibrated_preset(
        test: str, query: shapes.CalibratedPresetQuery
    ) -> Response:
        """The same preset as a file, for File → Import → Import Configs."""
        preset = await calibrations.preset(
            test, shapes.read_values(query.values), parent=query.parent, name=query.name
        )
        response = Response(as_bytes(preset), content_type="application/json")
        response.headers["Content-Disposition"] = shapes.attachment(str(preset["name"]))
        return response

    return bp
