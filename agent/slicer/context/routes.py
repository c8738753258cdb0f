"""What the plugin tells of the running slicer."""

from quart import Blueprint, Response

from agent.shared.clock import Clock
from agent.shared.web import gives, gives_media, json, needs, takes
from agent.slicer.context import shapes
from agent.slicer.context.service import ContextService


def routes(contexts: ContextService, clock: Clock) -> Blueprint:
    bp = Blueprint("context", __name__, url_prefix="/api/v1/slicer/context")

    @bp.post("")
    @needs("slicer")
    @takes(shapes.SlicerContextIn, limit_bytes=1024 * 1024)
    @gives_media(204)
    async def tell_context(asked: shapes.SlicerContextIn) -> Response:
        """A look at the slicer, from the plugin. It is kept in memory alone."""
        state = shapes.state_of(asked.state) if asked.state is not None else None
        contexts.tell(state, shapes.events_of(asked, clock()))
        return Response(status=204)

    @bp.get("")
    @needs("slicer")
    @gives(shapes.SlicerContextOut)
    async def show_context() -> Response:
        """The last look at the slicer, how old it is, and what happened since."""
        return json(shapes.context(contexts.last(), clock()))

    @bp.delete("")
    @needs("slicer")
    @gives_media(204)
    async def forget_context() -> Response:
        """The plugin says farewell."""
        contexts.forget()
        return Response(status=204)

    return bp
