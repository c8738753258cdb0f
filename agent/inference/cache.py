"""Answers that are given again to the very same request: an exact cache, nothing cleverer.

One letter more in the question, another option, another version of the model: another key."""

import hashlib
import logging
from collections import OrderedDict
from collections.abc import Mapping
from datetime import timedelta

import orjson

from agent.inference.answer_store import KeptAnswer, StoredAnswers
from agent.inference.rules import ChatRequest, Message
from agent.shared.clock import Clock, rfc3339
from agent.shared.database import Database
from agent.shared.errors import OrcaError
from agent.shared.tasks import Tasks

log = logging.getLogger(__name__)

IN_MEMORY_BYTES = 8 << 20
LARGEST_SHARE = 8  # an answer that takes more than an eighth of the cache is not kept
SHRINK_TO = 0.9
REMOVED_AT_ONCE = 500
SLACK = timedelta(seconds=2)


def key_of(request: ChatRequest, identity: str) -> str:
    """The same for the very same request to the very same model, however its fields were ordered.

    How long the model stays in memory changes no answer, and is no part of it. Blocks for as
    long as the pictures are large."""
    parts = {
        "model": identity,
        "messages": [_parts(message) for message in request.messages],
        "options": dict(request.options),
        "think": request.think,
        "format": request.format,
        "tools": list(request.tools),
        "tool_choice": request.tool_choice,
        "logprobs": [request.logprobs, request.top_logprobs],
    }
    return hashlib.sha256(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _parts(message: Message) -> list[object]:
    return [
        message.role,
        message.content,
        [hashlib.sha256(image.encode()).hexdigest() for image in message.images],
        message.thinking,
        [[call.id, call.name, call.arguments] for call in message.tool_calls],
        message.tool_name,
    ]


class AnswerCache:
    """Bounded in bytes, by last use, and in age. The latest are in memory as well; what is kept
    is written down a moment later, so that no answer waits for the disk."""

    def __init__(
        self, database: Database, clock: Clock, *, limit_bytes: int, age: timedelta
    ) -> None:
        self._database, self._clock = database, clock
        self._limit_bytes, self._age = limit_bytes, age
        self._near: OrderedDict[str, KeptAnswer] = OrderedDict()
        self._near_bytes = 0
        self._unsaved: dict[str, KeptAnswer] = {}
        self._used: dict[str, str] = {}  # when, of those used since that was written down
        self._tasks, self._is_saving, self._is_saving_well = Tasks(), False, True
        self._hits = self._misses = self._entries = self._size_bytes = 0

    async def open(self) -> None:
        """Counts what there is."""
        async with self._database.reading() as connection:
            self._entries, self._size_bytes = await StoredAnswers(connection).totals()

    async def close(self) -> None:
        """Writes down what is left."""
        await self._save()
        await self._tasks.close()

    def stats(self) -> Mapping[str, float]:
        """Hits and misses since the start, entries and size_bytes as they are now."""
        return {
            "hits": self._hits,
            "misses": self._misses,
            "entries": self._entries,
            "size_bytes": self._size_bytes,
        }

    async def get(self, key: str) -> dict[str, object] | None:
        """What was kept under the key, if it is not too old. A database that cannot be read holds
        nothing."""
        row = self._near.get(key) or self._unsaved.get(key) or await self._stored(key)
        value = self._value(row) if row is not None and self._is_current(row) else None
        if row is None or value is None:
            self._misses += 1
            return None
        self._hits += 1
        self._keep_near(row)
        self._used[key] = rfc3339(self._clock())
        return value

    def put(self, key: str, value: Mapping[str, object]) -> None:
        """Keeps it; waits for nothing and raises nothing."""
        answer = orjson.dumps(value)
        if len(answer) * LARGEST_SHARE > self._limit_bytes:
            return
        now = rfc3339(self._clock())
        row = KeptAnswer(
            key=key, created_at=now, used_at=now, size_bytes=len(answer), answer=answer
        )
        self._unsaved[key] = row
        self._keep_near(row)
        if not self._is_saving:
            self._is_saving = True
            self._tasks.start(self._save(), name="answers")

    async def empty(self) -> None:
        """Forgets every answer."""
        self._near.clear()
        self._near_bytes, self._unsaved, self._used = 0, {}, {}
        async with self._database.writing() as connection:
            await StoredAnswers(connection).shrink(0)
        await self.open()

    async def tidy(self) -> int:
        """Throws away what is too old; says how many."""
        before, removed = rfc3339(self._clock() - self._age), 0
        while True:
            async with self._database.writing() as connection:
                some = await StoredAnswers(connection).remove_older(before, REMOVED_AT_ONCE)
            removed += some
            if some < REMOVED_AT_ONCE:
                await self.open()
                return removed

    def _value(self, row: KeptAnswer) -> dict[str, object] | None:
        try:
            value = orjson.loads(row.answer)
        except orjson.JSONDecodeError:  # somebody else wrote into the file
            return None
        return value if isinstance(value, dict) else None

    def _is_current(self, row: KeptAnswer) -> bool:
        # What was made in the future was made before the clock was put back: nobody knows its age.
        now = self._clock()
        return rfc3339(now - self._age) < row.created_at <= rfc3339(now + SLACK)

    def _keep_near(self, row: KeptAnswer) -> None:
        if (old := self._near.pop(row.key, None)) is not None:
            self._near_bytes -= old.size_bytes
        self._near[row.key] = row
        self._near_bytes += row.size_bytes
        while self._near_bytes > min(IN_MEMORY_BYTES, self._limit_bytes):
            _, gone = self._near.popitem(last=False)
            self._near_bytes -= gone.size_bytes

    async def _stored(self, key: str) -> KeptAnswer | None:
        if not self._entries:
            return None
        try:
            async with self._database.reading() as connection:
                return await StoredAnswers(connection).find(key)
        except OrcaError:
            return None

    async def _save(self) -> None:
        """Writes down what is new until nothing is. What cannot be written is let go of."""
        try:
            while self._unsaved or self._used:
                rows, used, self._used = dict(self._unsaved), self._used, {}
                async with self._database.writing() as connection:
                    stored = StoredAnswers(connection)
                    await stored.touch(used)
                    await stored.add(rows.values())
                    entries, size_bytes = await stored.totals()
                    if size_bytes > self._limit_bytes:
                        await stored.shrink(int(self._limit_bytes * SHRINK_TO))
                        entries, size_bytes = await stored.totals()
                self._entries, self._size_bytes = entries, size_bytes
                for key, row in rows.items():
                    if self._unsaved.get(key) is row:
                        del self._unsaved[key]
        except OrcaError as err:
            self._unsaved = {}
            if self._is_saving_well:
                log.warning("answers cannot be kept for later: %s", err.detail)
            self._is_saving_well = False
        else:
            self._is_saving_well = True
        finally:
            self._is_saving = False
