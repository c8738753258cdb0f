"""Many questions as one run: answered a few at a time, kept as they come, gone on with after a
restart."""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.images.incoming import from_data_url
from agent.images.service import ImageService
from agent.inference.asked import Asked
from agent.inference.batch_rules import (
    MOST_AT_ONCE,
    PASSING,
    Counts,
    Finished,
    Item,
    Outage,
    Status,
    Use,
    pause_s,
)
from agent.inference.batch_store import Batch, Batches
from agent.inference.inference import Who
from agent.inference.queue_rules import Priority
from agent.inference.service import AnswerService, Call
from agent.runs.live import LiveRun
from agent.runs.rules import Ending, Run, RunState
from agent.runs.service import RunService
from agent.runs.store import Runs
from agent.runs.telling import telling
from agent.shared.clock import Clock, NewId, rfc3339
from agent.shared.database import Database
from agent.shared.errors import Conflict, Gone, Invalid, NotFound, OrcaError
from agent.shared.problems import describe
from agent.shared.statements import Row
from agent.shared.tasks import running

KEPT_AT_ONCE = 4
FORGOTTEN_AT_ONCE = 20
PATIENCE_S = 120.0
KEEP = timedelta(days=7)

Document = dict[str, object]
Read = Callable[[Document], Asked]


@dataclass(frozen=True, slots=True)
class Question:
    """An item as it came: its document, or why it cannot be asked."""

    id: str
    document: Document | None
    problem: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Wanted:
    """A batch as it came."""

    use: Use
    questions: Sequence[Question]
    who: Who
    concurrency: int | None
    in_order: bool


@dataclass(frozen=True, slots=True)
class Parts:
    """What batches need of the rest of the program. `read` makes of an item's document what is
    asked; `places` says how many a queue answers at the same time."""

    database: Database
    runs: RunService
    answers: AnswerService
    images: ImageService
    read: Read
    places: Callable[[Use], int]
    patience_s: float = PATIENCE_S


class BatchService:
    """The run is launched once all of its items are committed."""

    def __init__(self, parts: Parts, clock: Clock, new_id: NewId) -> None:
        self._parts, self._clock, self._new_id = parts, clock, new_id

    async def begin(self, wanted: Wanted, *, key: str | None, request_hash: str) -> Run:
        """Keeps the items and sets the run going; the same key again is the same run.

        Raises Invalid for two items with one id, and Conflict for a key of another request."""
        _check_ids(wanted.questions)
        if known := await self._known(key, request_hash):
            return known
        gate, images = asyncio.Semaphore(KEPT_AT_ONCE), set[str]()

        async def item(question: Question) -> Item:
            async with gate:
                return await self._item(question, images)

        items = _placed(await asyncio.gather(*map(item, wanted.questions)))
        run = Run(self._new_id(), "batch", RunState.QUEUED, rfc3339(self._clock()))
        batch = Batch(
            run.id,
            wanted.use,
            wanted.who.project,
            wanted.who.client,
            min(wanted.concurrency or self._parts.places(wanted.use), MOST_AT_ONCE),
            wanted.in_order,
            len(items),
            sorted(images),
        )
        async with self._parts.database.writing() as connection:
            runs = Runs(connection)
            if key and (found := await runs.find_by_key(key)):
                return _same(*found, request_hash)
            await runs.add(run, key=key, request_hash=request_hash)
            await Batches(connection).add(batch, items)
        self._parts.runs.launch(run, self.job(run), survives=True)
        return run

    def job(self, run: Run) -> "BatchJob":
        """What the run does, from wherever it was."""
        return BatchJob(run.id, self._parts)

    async def results(
        self, run_id: str, *, behind: int, limit: int
    ) -> tuple[list[Row], int | None]:
        """Results, at most `limit`, and the place of the last; None if there never will be more.

        Raises NotFound, or Gone once they have been thrown away."""
        run = await self._parts.runs.get(run_id)
        async with self._parts.database.reading() as connection:
            batches = Batches(connection)
            batch = await batches.find(run_id)
            if batch is None and run.kind == "batch":
                raise Gone("results-gone", "The results of this batch were kept for a week.")
            if batch is None:
                raise NotFound("no-results", "Only batches have results.")
            found = await batches.results(
                run_id, in_order=batch.in_order, behind=behind, limit=limit
            )
        last = found[-1][0] if found else behind
        is_all = last >= batch.total or (len(found) < limit and not run.is_alive)
        return [row for _, row in found], None if is_all else last

    async def forget_old(self) -> int:
        """Throws away the results of batches that ended over a week ago; says of how many."""
        ended_before, forgotten = rfc3339(self._clock() - KEEP), 0
        while True:
            async with self._parts.database.writing() as connection:
                some = await Batches(connection).forget(ended_before, FORGOTTEN_AT_ONCE)
            forgotten += some
            if some < FORGOTTEN_AT_ONCE:
                return forgotten

    async def _known(self, key: str | None, request_hash: str) -> Run | None:
        if key is None:
            return None
        async with self._parts.database.reading() as connection:
            found = await Runs(connection).find_by_key(key)
        return _same(*found, request_hash) if found else None

    async def _item(self, question: Question, images: set[str]) -> Item:
        """As it is stored: no picture stands in a table, only its hash."""
        if question.document is None:
            return _refused(question.id, question.problem or {})
        try:
            for message in _messages(question.document):
                message["images"] = [await self._hash(image) for image in _images(message)]
                images.update(_images(message))
        except OrcaError as err:
            return _refused(question.id, describe(err))
        return Item(question.id, orjson.dumps(question.document))

    async def _hash(self, image: str) -> str:
        if not image.startswith("data:"):
            return image
        return (await self._parts.images.keep(await asyncio.to_thread(from_data_url, image))).sha256


class BatchJob:
    """Answers what of a batch has no answer yet. Implements Job."""

    def __init__(self, run_id: str, parts: Parts) -> None:
        self._run_id, self._parts = run_id, parts
        self._outage = Outage(parts.patience_s)
        self._finished: list[Finished] = []
        self._has_some = asyncio.Event()

    async def work(self, live: LiveRun) -> object:
        """Results and the event that tells of them are committed together, as they come."""
        async with self._parts.database.reading() as connection:
            batches = Batches(connection)
            batch = await batches.find(self._run_id)
            if batch is None:
                raise Gone("results-gone", "This batch was thrown away.")
            waiting, counts = (
                await batches.waiting(batch.run_id),
                await batches.counts(batch.run_id),
            )
        live.mark_started()
        async with telling(self._parts.database, live, "progress", counts.progress()) as connection:
            await Runs(connection).begin(live.run)
        left, feed = len(waiting), iter(waiting)
        workers = {
            f"{live.run.id} {number}": self._worker(batch, feed)
            for number in range(min(batch.concurrency, left))
        }
        with self._parts.images.holding(batch.images):
            async with running(**workers):
                while left:
                    await self._has_some.wait()
                    some, counts = await self._save(live, counts)
                    left -= some
        return counts.to_json()

    async def conclude(
        self, connection: AsyncConnection, run: Run, ending: Ending, live: LiveRun | None
    ) -> dict[str, object]:
        """What has no answer gets none: the run was cancelled, or failed."""
        batches = Batches(connection)
        await batches.finish(run.id, self._finished)
        status = Status.FAILED if ending.problem else Status.CANCELLED
        problem = orjson.dumps(ending.problem) if ending.problem else None
        rest = [
            Finished(number, status, problem=problem) for number in await batches.waiting(run.id)
        ]
        await batches.finish(run.id, rest)
        data: dict[str, object] = {"result": (await batches.counts(run.id)).to_json()}
        return {**data, "problem": ending.problem} if ending.problem else data

    async def _save(self, live: LiveRun, counts: Counts) -> tuple[int, Counts]:
        """Writes down what has come; how many that is, and the counts with them."""
        some = list(self._finished)
        counts = counts.with_more(some)
        async with telling(self._parts.database, live, "progress", counts.progress()) as connection:
            await Batches(connection).finish(live.run.id, some)
        del self._finished[: len(some)]
        if not self._finished:
            self._has_some.clear()
        return len(some), counts

    async def _worker(self, batch: Batch, feed: Iterator[int]) -> None:
        for number in feed:
            self._finished.append(await self._answered(batch, number))
            self._has_some.set()

    async def _answered(self, batch: Batch, number: int) -> Finished:
        async with self._parts.database.reading() as connection:
            request = await Batches(connection).request(batch.run_id, number)
        who = Who(batch.client, batch.project, Priority.BATCH)
        call = Call("batch", f"{batch.run_id}.{number}", who)
        attempt = 0
        while True:
            try:
                answer = await self._parts.answers.answer(
                    self._parts.read(orjson.loads(request)), call
                )
            except OrcaError as err:
                if err.code in PASSING and self._outage.may_wait(time.monotonic()):
                    await asyncio.sleep(pause_s(attempt, err.extra.get("retry_after_s")))
                    attempt += 1
                    continue
                if err.code not in PASSING:
                    self._outage.is_over()
                return Finished(number, Status.FAILED, problem=orjson.dumps(describe(err)))
            self._outage.is_over()
            return Finished(number, Status.DONE, answer=orjson.dumps(answer))


def _check_ids(questions: Sequence[Question]) -> None:
    seen = set[str]()
    for question in questions:
        if question.id in seen:
            raise Invalid(
                "same-id",
                f"Two items have the id {question.id}. Results are told apart by it.",
                errors=[{"field": "items", "detail": f"{question.id} stands twice"}],
            )
        seen.add(question.id)


def _same(run: Run, known_hash: str, request_hash: str) -> Run:
    if known_hash != request_hash:
        raise Conflict(
            "key-reused", "This Idempotency-Key was used for another request. Make a new one."
        )
    return run


def _refused(item_id: str, problem: Mapping[str, object]) -> Item:
    return Item(item_id, None, Status.FAILED, problem=orjson.dumps(problem))


def _placed(items: Sequence[Item]) -> list[Item]:
    """Those that have failed already have finished first, in their order."""
    placed, place = [], 0
    for item in items:
        if item.status == Status.FAILED:
            place += 1
        placed.append(replace(item, finished=place) if item.status == Status.FAILED else item)
    return placed


def _messages(document: Document) -> list[dict[str, object]]:
    messages = document["messages"]
    return messages if isinstance(messages, list) else []


def _images(message: Mapping[str, object]) -> list[str]:
    images = message.get("images")
    return [str(image) for image in images] if isinstance(images, list) else []
