"""Answers of the team's models as runs: started, followed, stopped, and written down where they
belong."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.runs.jobs import Job
from agent.runs.rules import Run, RunState
from agent.runs.service import RunService
from agent.shared import wire
from agent.shared.clock import Clock, NewId, rfc3339
from agent.shared.databases import Databases
from agent.shared.errors import Conflict
from agent.shared.tasks import Tasks
from hub.access import Principal
from hub.ai.asking import Asking
from hub.ai.following import Following
from hub.ai.job import Answering, CutOff, Nothing, Purpose
from hub.ai.planning import Plan, Planner
from hub.ai.rules import ANSWER, GenerationRequest, OwnedRun
from hub.ai.run_store import TeamRuns, add_alone
from hub.limits.lanes import Lanes

__all__ = ["AiService", "Purpose", "Write"]

Write = Callable[[AsyncConnection, Run], Awaitable[None]]


class _MadeBeforeError(Exception):
    """The key has made a run already, in this very moment."""


class AiService:
    """Every run that asks a model starts here."""

    def __init__(
        self,
        database: Databases,
        runs: RunService,
        planner: Planner,
        asking: Asking,
        following: Following,
        *,
        replica_id: str,
        lanes: Lanes | None,
        clock: Clock,
        new_id: NewId,
    ) -> None:
        """`lanes` is the short way to PostgreSQL, where that is the database."""
        self._database, self._runs, self._planner = database, runs, planner
        self._asking, self._following, self._replica_id = asking, following, replica_id
        self._lanes, self._clock, self._new_id = lanes, clock, new_id
        self._purposes: dict[str, Purpose] = {ANSWER: Nothing()}
        self._tasks = Tasks()
        self._beginning: set[str] = set()

    def register(self, name: str, purpose: Purpose) -> None:
        """While the program is opened, before anything runs."""
        self._purposes[name] = purpose

    def knows(self, purpose: str) -> bool:
        return purpose in self._purposes

    def is_here(self, run_id: str) -> bool:
        """Whether this replica works on it, or is about to."""
        return run_id in self._beginning or self._runs.live(run_id) is not None

    async def start(
        self,
        who: Principal,
        asked: GenerationRequest,
        *,
        purpose: str = ANSWER,
        about: Mapping[str, object] | None = None,
        conversation_id: str | None = None,
        message_id: str | None = None,
        run_id: str | None = None,
        write: Write | None = None,
        key: str | None = None,
        request_hash: str = "",
    ) -> Run:
        """Looks at policy, model and quota, adds the run, and sets it going when that is
        committed. `write` adds what belongs to it (the question, the empty answer) in the same
        transaction, with the run as it is then; what it raises ends both.

        `key` is the Idempotency-Key of the person: the same again gives the same run, without
        `write`; with another `request_hash` it raises Conflict. Raises Denied `not-allowed-here`,
        NotFound `model-not-found`, TooMany `quota-exceeded`, Invalid and Unavailable before
        anything is written."""
        key = f"{who.account_id}:{key}" if key else None
        if key and (made := await self._made_by(key, request_hash)):
            return made
        plan = await self._planner.plan(who, asked)
        run = Run(
            run_id or self._new_id(),
            "chat",
            RunState.QUEUED,
            rfc3339(self._clock()),
            conversation_id,
            message_id,
        )
        owned = OwnedRun(run, who.account_id, purpose, plan.asked, about or {})
        # One who leaves in the middle would leave a run behind that nobody works on.
        return await self._tasks.to_the_end(
            self._begin(who, owned, plan, write, key, request_hash), name=f"begin run {run.id}"
        )

    async def _begin(
        self,
        who: Principal,
        owned: OwnedRun,
        plan: Plan,
        write: Write | None,
        key: str | None,
        request_hash: str,
    ) -> Run:
        reservation = await self._asking.reserve(who, plan, owned.run.id)
        self._beginning.add(owned.run.id)
        try:
            await self._add(owned, write, key, request_hash)
            purpose = self._purpose(owned.purpose)
            job = Answering(owned, purpose, plan, who, self._asking, reservation)
            return self._runs.launch(owned.run, job).run
        except _MadeBeforeError:
            await self._asking.release(reservation)
            if key and (made := await self._made_by(key, request_hash)):
                return made
            raise Conflict("changed-meanwhile", "The same was asked at this moment.") from None
        except BaseException:  # also of a mistake: what is set aside would be kept for ever
            await self._asking.release(reservation)
            raise
        finally:
            self._beginning.discard(owned.run.id)

    async def sees(self, who: Principal, model: str | None) -> bool:
        """Whether what answers to this name can look at pictures. Raises as `start`."""
        return await self._planner.sees(who, model)

    async def shrunk(self, data: bytes) -> tuple[bytes, int, int]:
        """A picture as models get it, its width and its height. Raises UnsupportedMedia, Invalid,
        TooLarge and Unavailable."""
        return await self._planner.shrunk(data)

    async def get(self, who: Principal, run_id: str) -> Run:
        """One's own run; an Administrator's are all. Raises NotFound."""
        return (await self._following.get(who, run_id)).run

    def events(self, run_id: str, after_seq: int = 0) -> AsyncGenerator[bytes, None]:
        """Every event behind `after_seq` once and in order, as server-sent events, on whichever
        replica the run is. Ask `get` first whether they may be seen."""
        return self._following.events(run_id, after_seq)

    async def cancel(self, who: Principal, run_id: str) -> Run:
        """Stops a run, wherever it is, and waits until that is written down. An ended run is left
        as it is. Raises NotFound."""
        return (await self._following.cancel(who, run_id)).run

    async def recover(self, taken: Sequence[OwnedRun]) -> None:
        """Ends what a dead replica left, as interrupted and with its text."""
        by_id = {one.run.id: one for one in taken}
        jobs: list[CutOff] = []

        def cut_off(run: Run, events: list[wire.ServerSentEvent]) -> Job:
            owned = by_id[run.id]
            jobs.append(CutOff(owned, self._purpose(owned.purpose), events))
            return jobs[-1]

        await self._runs.recover({"chat": cut_off}, [one.run for one in taken])
        for job in jobs:
            if (used := job.used) is not None:
                await self._asking.settle_lost(job.run_id, job.account_id, job.model, used)

    async def _add(
        self, owned: OwnedRun, write: Write | None, key: str | None, request_hash: str
    ) -> None:
        mine = self._replica_id
        if write is None and self._lanes is not None:
            is_new = await add_alone(self._lanes, owned, mine, key=key, request_hash=request_hash)
            if not is_new:
                raise _MadeBeforeError
            return
        async with self._database.writing() as connection:
            runs = TeamRuns(connection)
            if not await runs.add_owned(owned, mine, key=key, request_hash=request_hash):
                raise _MadeBeforeError
            if write is not None:
                await write(connection, owned.run)

    async def _made_by(self, key: str, request_hash: str) -> Run | None:
        async with self._database.reading() as connection:
            found = await TeamRuns(connection).made_by(key)
        if found is None:
            return None
        owned, made_of = found
        if made_of != request_hash:
            raise Conflict(
                "idempotency-key-reused",
                "This Idempotency-Key was sent with another request before. Send a new one.",
            )
        live = self._runs.live(owned.run.id)
        return live.run if live else owned.run

    def _purpose(self, name: str) -> Purpose:
        # One of a newer version, which this replica does not know, leaves its events.
        return self._purposes.get(name, self._purposes[ANSWER])
