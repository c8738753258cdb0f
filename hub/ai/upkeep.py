"""What Prometheus reads of models and runs, and what is forgotten by itself."""

from collections.abc import Iterable, Iterator
from datetime import timedelta

from agent.inference.queue import Queues
from agent.runs.service import RunService
from hub.ai.servers import Servers
from hub.core import Core, Reading, Readings
from hub.jobs.running import Job, Result


def add_upkeep(core: Core, runs: RunService) -> None:
    """The events of runs that ended a week ago go; how they ended stays."""

    async def forget_events(_: Job) -> Result:
        return {"runs": await runs.forget_old_events()}

    core.jobs.every("runs.forget", timedelta(hours=6), forget_events)


def readings(servers: Servers, queues: Queues, runs: RunService) -> Readings:
    async def read() -> Iterable[Reading]:
        return [
            *_of_runs(runs),
            *_of_queues(queues),
            *(
                Reading("provider_up", "Whether a model server answers.", is_up, {"provider": name})
                for name, is_up in servers.up().items()
            ),
        ]

    return read


def _of_runs(runs: RunService) -> Iterator[Reading]:
    yield Reading("runs_alive", "Runs of this replica that have not ended.", len(runs))
    for state in ("done", "cancelled", "interrupted", "failed"):
        value, labels = runs.ended[state], {"state": state}
        yield Reading("runs_ended", "Runs that ended, by how.", value, labels, is_counter=True)


def _of_queues(queues: Queues) -> Iterator[Reading]:
    for queue in (queues.text, queues.vision):
        state, labels = queue.state, {"queue": queue.name}
        yield Reading("model_waiting", "Requests that wait for a model.", state.waiting, labels)
        yield Reading("model_running", "Requests that models answer.", state.running, labels)
        yield Reading(
            "model_rejected",
            "Requests that were refused because too many waited.",
            state.rejected,
            labels,
            is_counter=True,
        )
