"""Words from replica to replica, by Redis where one is set. Who is not there misses them, so that
everything that hears also looks by itself."""

import asyncio
import logging
from collections.abc import Callable

from agent.shared.errors import Unavailable
from hub.redis import SharedRedis, key

SAYING_S, LISTENING_S, AGAIN_S = 1.0, 2.0, 1.0

log = logging.getLogger(__name__)


class Channel:
    """One of them. Its own words come back to each, too."""

    def __init__(self, redis: SharedRedis | None, name: str) -> None:
        self._redis, self._name = redis, key(name)
        self.is_heard = False  # by this replica, now

    async def say(self, *words: str) -> bool:
        """False without Redis, or if it does not answer. Never raises."""
        if self._redis is None:
            return False
        try:
            async with asyncio.timeout(SAYING_S):
                with self._redis.asking() as client:
                    for one in words:
                        await client.publish(self._name, one)
        except (Unavailable, TimeoutError):
            return False
        return True

    async def listen(self, heard: Callable[[str], None], missed: Callable[[], None]) -> None:
        """Until it is cancelled; without Redis it returns. `missed` is called whenever something
        may have been said of which nothing was heard: when Redis goes, and when it is back."""
        if self._redis is None:
            return
        while True:
            try:
                await self._hear(self._redis, heard, missed)
            except (Unavailable, TimeoutError):
                self.is_heard = False
                missed()
                await asyncio.sleep(AGAIN_S)

    async def _hear(
        self, redis: SharedRedis, heard: Callable[[str], None], missed: Callable[[], None]
    ) -> None:
        with redis.asking() as client:
            async with client.pubsub() as told:
                await told.subscribe(self._name)
                while True:
                    message = await told.get_message(timeout=LISTENING_S)
                    if message is None:
                        continue
                    if message["type"] == "subscribe":
                        self.is_heard = True
                        missed()
                    elif message["type"] == "message":
                        heard(message["data"].decode())
