"""Slows down who guesses passwords, and never the owner for good."""

from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.clock import Clock, from_rfc3339, rfc3339
from agent.shared.databases import Databases
from agent.shared.errors import TooMany
from hub.identity.recovery_store import Recovery
from hub.identity.rules import FORGOTTEN_AFTER, Failures, Tried, network_of, pause_before
from hub.identity.store import FailedLogins


@dataclass(frozen=True, slots=True)
class Attempt:
    """One that has been counted before it is known how it ends. `at` is when, and `before` when
    the last one was, by subject. `address` and `name` count what others do, too: they are None in
    a browser that is known."""

    own: str
    address: str | None
    name: str | None
    network: str
    at: str
    before: dict[str, str] = field(default_factory=dict)

    @property
    def subjects(self) -> list[str]:
        """In one order for everybody, so that nobody waits for each other."""
        return sorted({self.own, *self.shared})

    @property
    def shared(self) -> list[str]:
        return sorted(one for one in (self.address, self.name) if one is not None)


class Guesses:
    """Each attempt is counted before its password is looked at, so that a thousand at the same
    moment are no more than one after the other. One that succeeds is taken back."""

    def __init__(self, database: Databases, clock: Clock) -> None:
        self._database, self._clock = database, clock

    async def begin(
        self, name: str, account_id: str | None, address: str, browser: str | None = None
    ) -> Attempt:
        """`name` is what is guessed at; `browser` the id of one in which its owner has signed in
        before: there nobody else's failures count. Raises TooMany `too-many-logins`."""
        network = network_of(address)
        at = rfc3339(self._clock())
        if browser is None:
            attempt = Attempt(f"{name}@{network}", f"@{network}", f"{name}@*", network, at)
        else:
            attempt = Attempt(f"{name}#{browser}", None, None, network, at)
        async with self._database.reading() as connection:
            await self._check(connection, attempt, account_id, is_last_word=False)
        async with self._database.writing() as connection:
            await self._check(connection, attempt, account_id, is_last_word=True)
            stale = rfc3339(from_rfc3339(at) - FORGOTTEN_AFTER)
            for subject in attempt.subjects:
                await FailedLogins(connection).count(subject, at, stale)
        return attempt

    async def succeeded(self, connection: AsyncConnection, attempt: Attempt) -> None:
        """In the transaction that lets somebody in."""
        failures = FailedLogins(connection)
        await failures.forget([attempt.own])
        await failures.take_back(attempt.shared)

    async def none_made(self, connection: AsyncConnection, attempt: Attempt) -> None:
        """This one was no guess; those before it stay what they were."""
        for subject in attempt.subjects:
            before = attempt.before.get(subject, attempt.at)
            await FailedLogins(connection).undo(subject, attempt.at, before)

    async def forget_old(self) -> None:
        """Those that do not count any more."""
        async with self._database.writing() as connection:
            stale = rfc3339(self._clock() - FORGOTTEN_AFTER)
            await FailedLogins(connection).forget_before(stale)

    async def _check(
        self,
        connection: AsyncConnection,
        attempt: Attempt,
        account_id: str | None,
        *,
        is_last_word: bool,
    ) -> None:
        now = self._clock()
        failures = FailedLogins(connection)
        if is_last_word:
            await failures.hold(attempt.subjects, rfc3339(now))
        kept = await failures.of(attempt.subjects)
        attempt.before.update({subject: last_at for subject, (_, last_at) in kept.items()})
        is_familiar = account_id is not None and await Recovery(connection).is_familiar(
            account_id, attempt.network
        )
        tried = Tried(
            own=_failures(kept.get(attempt.own)),
            address=_failures(kept.get(attempt.address or "")),
            name=None if is_familiar else _failures(kept.get(attempt.name or "")),
        )
        pause = pause_before(tried, now)
        if pause.total_seconds() > 0:
            raise TooMany(
                "too-many-logins",
                "Too many attempts. Wait a moment, then try again.",
                retry_after_s=max(1, round(pause.total_seconds())),
            )


def _failures(kept: tuple[int, str] | None) -> Failures | None:
    return Failures(kept[0], from_rfc3339(kept[1])) if kept else None
