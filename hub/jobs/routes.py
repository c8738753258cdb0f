"""Background work over HTTP."""

from quart import Blueprint, Response

from agent.shared.cursors import cursor_of, last_of
from agent.shared.web import asks, gives, json, takes
from hub.access import administrator
from hub.jobs import shapes
from hub.jobs.service import Jobs


def routes(jobs: Jobs) -> Blueprint:
    bp = Blueprint("jobs", __name__, url_prefix="/api/v1/jobs")

    @bp.get("")
    @administrator
    @asks(shapes.JobQuery)
    @gives(shapes.JobsOut)
    async def list_jobs(query: shapes.JobQuery) -> Response:
        """Background work, newest first."""
        rows = await jobs.found(
            state=query.state or "",
            name=query.name,
            before=last_of(query.cursor),
            limit=query.limit,
        )
        cursor = cursor_of(rows[-1]["id"]) if len(rows) == query.limit else None
        return json({"items": [shapes.job(row) for row in rows], "next_cursor": cursor})

    @bp.post("")
    @administrator
    @takes(shapes.RunIn)
    @gives(shapes.JobOut, 202)
    async def run_job(asked: shapes.RunIn) -> Response:
        """Do a periodic job now, before it comes by itself."""
        return json(shapes.job(await jobs.run_now(asked.name)), 202)

    @bp.get("/queues")
    @administrator
    @gives(shapes.QueuesOut)
    async def show_queues() -> Response:
        """How much waits and runs, what comes by itself, and who works."""
        waiting = await jobs.oldest_wait()
        return json(shapes.queues(*await jobs.overview(), waiting.total_seconds()))

    @bp.get("/<job_id>")
    @administrator
    @gives(shapes.JobOut)
    async def show_job(job_id: str) -> Response:
        """One job, how far it is, and what came of it."""
        return json(shapes.job(await jobs.get(job_id)))

    @bp.post("/<job_id>/retry")
    @administrator
    @gives(shapes.JobOut, 202)
    async def retry_job(job_id: str) -> Response:
        """Do again what failed or was cancelled."""
        return json(shapes.job(await jobs.retry(job_id)), 202)

    @bp.post("/<job_id>/cancel")
    @administrator
    @gives(shapes.JobOut, 202)
    async def cancel_job(job_id: str) -> Response:
        """What waits ends at once; what runs is told, and ends within seconds."""
        return json(shapes.job(await jobs.cancel(job_id)), 202)

    return bp
