"""taskiq: carries the word that a job is due to who does it. The table has the last word, so
that nothing is lost with a message, and nothing done twice by two."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

from agent.shared.errors import OrcaError, Unavailable
from hub.redis import key

if TYPE_CHECKING:
    from taskiq.abc.broker import AsyncBroker

TASK, REDIS = "orca-hub.job", "taskiq_redis"
STREAM, GROUP = "jobs", "workers"
MOST_WORDS = 10_000  # older ones have been heard, or are found in the table
LISTEN_MS, ANSWER_S, CONNECT_S, PAUSE_S = 2000, 10.0, 2.0, 2.0
Do = Callable[[str], Awaitable[None]]

log = logging.getLogger(__name__)


class Carrier:
    """Within this process, or by a Redis stream to the workers. The library is imported with the
    first job: a hub that starts has none."""

    def __init__(self, do: Do, *, redis_url: str | None = None, name: str = "") -> None:
        self._do, self._redis_url, self._name = do, redis_url, name
        self._broker: AsyncBroker | None = None
        self._task: Any = None  # Any: generic over what it calls

    async def send(self, job_id: str) -> None:
        """Raises Unavailable if the broker is away."""
        await self._open()
        from taskiq.exceptions import TaskiqError  # slow import

        try:
            await self._task.kiq(job_id)
        except TaskiqError as err:
            raise Unavailable("redis-away", "The broker of the jobs does not answer.") from err

    async def listen(self, places: int) -> None:
        """For workers: does what comes by the stream, `places` at the same time, until it is
        cancelled. Goes on when Redis comes back."""
        from redis.exceptions import RedisError  # slow import
        from taskiq.acks import AcknowledgeType  # slow import
        from taskiq.receiver import Receiver  # slow import

        is_away = False
        while True:
            try:
                broker = await self._open()
                await broker.startup()  # makes the group, again where Redis has forgotten it
                if is_away:
                    log.info("the broker of the jobs is back")
                is_away = False
                receiver = Receiver(
                    broker,
                    max_async_tasks=places,
                    run_startup=False,
                    ack_type=AcknowledgeType.WHEN_RECEIVED,
                )
                await receiver.listen(asyncio.Event())
            except (RedisError, OSError, ExceptionGroup) as err:
                if not is_away:
                    log.warning(
                        "the broker of the jobs is away, they are found in the table: %r", err
                    )
                is_away = True
                await asyncio.sleep(PAUSE_S)

    async def close(self) -> None:
        if self._broker is not None:
            await self._broker.shutdown()

    async def _open(self) -> "AsyncBroker":
        if self._broker is None:
            # A third of a second, for which nobody who asks the hub should wait.
            await asyncio.to_thread(import_module, "taskiq" if self._redis_url is None else REDIS)
        if self._broker is None:  # nobody else has opened it meanwhile
            broker = self._made()

            async def do(job_id: str) -> None:
                try:
                    await self._do(job_id)
                except OrcaError as err:  # not begun: it is found in the table
                    log.warning("a job was not begun: %s", err.detail)

            self._task = broker.register_task(do, TASK)
            self._broker = broker
        return self._broker

    def _made(self) -> "AsyncBroker":
        logging.getLogger("taskiq").setLevel(logging.CRITICAL)  # it tells each step of each job
        if self._redis_url is None:
            from taskiq import InMemoryBroker  # slow import

            return InMemoryBroker(sync_tasks_pool_size=1)
        from taskiq_redis import RedisStreamBroker  # slow import

        return RedisStreamBroker(
            self._redis_url,
            queue_name=key(STREAM),
            consumer_group_name=key(GROUP),
            consumer_name=self._name,
            consumer_id="0",
            maxlen=MOST_WORDS,
            xread_block=LISTEN_MS,
            xread_count=1,  # what one worker has taken no other can begin
            unacknowledged_lock_timeout=ANSWER_S,
            socket_timeout=ANSWER_S,
            socket_connect_timeout=CONNECT_S,
        )
