"""The tokens that the hub gave this machine: kept as secrets are, renewed by one at a time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta

import orjson

from agent.shared.clock import Clock, from_rfc3339, rfc3339
from agent.shared.errors import Unavailable
from agent.shared.secrets import Secrets
from agent.shared.tasks import Tasks
from agent.team.hub import HubClient, Json
from agent.team.rules import Pair

SECRET = "team"  # noqa: S105 - the name of it

log = logging.getLogger(__name__)


class TeamKeys:
    """Of one hub. What it gave is kept before it is used: whoever loses it has to sign in again.

    `when_ended` is called when the hub wants to know nothing of this machine any more."""

    def __init__(
        self,
        hub: HubClient,
        secrets: Secrets,
        clock: Clock,
        when_ended: Callable[[], Awaitable[None]],
    ) -> None:
        self._hub, self._secrets, self._clock = hub, secrets, clock
        self._when_ended = when_ended
        self._pair: Pair | None = None
        self._one, self._tasks = asyncio.Lock(), Tasks()

    @property
    def is_there(self) -> bool:
        return self._pair is not None

    async def close(self) -> None:
        await self._tasks.close()

    async def load(self) -> bool:
        """Whether there are any. Raises Unavailable where the keyring is locked."""
        text = await self._secrets.get(SECRET)
        if text is None:
            return False
        try:
            kept = orjson.loads(text)
            self._pair = Pair(kept["access"], kept["refresh"], from_rfc3339(kept["until"]))
        except (ValueError, KeyError, TypeError):
            return False
        return True

    async def take(self, said: Json) -> str:
        """Those of an answer of the hub; says where they are kept."""
        until = self._clock() + timedelta(seconds=float(said["expires_in"]))
        pair = Pair(str(said["access_token"]), str(said["refresh_token"]), until)
        kept = {"access": pair.access, "refresh": pair.refresh, "until": rfc3339(until)}
        place = await self._secrets.set(SECRET, orjson.dumps(kept).decode())
        self._pair = pair
        return place

    async def forget(self) -> None:
        self._pair = None
        await self._secrets.delete(SECRET)

    async def key(self, refused: str = "") -> str:
        """An access token that holds, and another one than was `refused`.

        Raises Unavailable `hub-away` and `team-ended`."""
        async with self._one:
            pair = self._pair
            if pair is None:
                raise ended()
            if pair.access != refused and pair.holds(self._clock()):
                return pair.access
            # A cancelled request must not lose what the hub has changed already.
            return await self._tasks.to_the_end(self._renewed(pair, refused), name="team tokens")

    async def _renewed(self, pair: Pair, refused: str) -> str:
        try:
            answer = await self._hub.ask("POST", "/auth/refresh", {"refresh_token": pair.refresh})
        except Unavailable:
            if pair.access != refused and self._clock() < pair.until:
                return pair.access
            raise
        if answer.is_good:
            await self.take(answer.said)
            return str(answer.said["access_token"])
        if answer.status != 401:
            raise Unavailable("hub-refused", answer.detail)
        log.warning("the hub has ended the tokens of this machine")
        self._pair = None
        await self._when_ended()
        raise ended()


def ended() -> Unavailable:
    return Unavailable(
        "team-ended", "The hub does not know this machine any more. Sign in to the team again."
    )
