"""Redis, where one is set: what replicas share beside the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from agent.shared.errors import Unavailable
from agent.shared.leaving_out import leaving_out

if TYPE_CHECKING:
    from redis.asyncio import Redis

CONNECT_S, ANSWER_S = 2.0, 5.0
NAMESPACE = "orca-hub"


class SharedRedis:
    """One pool of connections, which comes back by itself when Redis does."""

    def __init__(self, url: str, *, most: int = 50) -> None:
        # It would load that for measurements of its own, which nobody has turned on.
        with leaving_out("opentelemetry"):
            from redis.asyncio import BlockingConnectionPool, Redis  # slow import
            from redis.asyncio.retry import Retry  # slow import
            from redis.backoff import ConstantBackoff  # slow import

        pool: Any = BlockingConnectionPool.from_url(  # Any: untyped in the library
            url,
            max_connections=most,
            timeout=ANSWER_S,
            socket_connect_timeout=CONNECT_S,
            socket_timeout=ANSWER_S,
            health_check_interval=15,
            # A connection that broke is opened anew; who waits does not wait for more than that.
            retry=Retry(ConstantBackoff(0.05), 1),
        )
        self._url = url
        self._client: Redis = Redis(connection_pool=pool)

    @property
    def url(self) -> str:
        """For libraries that connect by themselves. Holds the password."""
        return self._url

    @contextmanager
    def asking(self) -> Iterator["Redis"]:
        """The client. What fails in the block because Redis is away raises Unavailable
        `redis-away`."""
        from redis.exceptions import RedisError  # slow import

        try:
            yield self._client
        except (RedisError, OSError, TimeoutError) as err:
            raise Unavailable(
                "redis-away",
                "Redis does not answer. Nothing is lost; it is tried again by itself.",
                retry_after_s=2,
            ) from err

    async def check(self) -> None:
        """Raises Unavailable."""
        with self.asking() as client:
            await client.ping()

    async def close(self) -> None:
        await self._client.aclose(close_connection_pool=True)


def key(entity: str, *ids: str) -> str:
    """`orca-hub:entity:id`, so that several programs can share a Redis."""
    return ":".join((NAMESPACE, entity, *ids))
