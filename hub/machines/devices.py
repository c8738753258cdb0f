"""An agent without a browser signs in (RFC 8628): somebody types its code into another screen."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.clock import Clock, NewSecret, from_rfc3339, rfc3339
from agent.shared.databases import Databases
from agent.shared.errors import Malformed, NotFound, TooMany
from hub.access import Principal
from hub.audit.service import AuditService
from hub.identity.rules import FORGOTTEN_AFTER, Failures, pause_after
from hub.identity.sessions import From
from hub.identity.store import FailedLogins
from hub.machines.connecting import Connected
from hub.machines.rules import (
    DEVICE_HOLDS,
    INTERVAL_S,
    SLOWER_S,
    hashed,
    polled,
    typed,
    user_code,
)
from hub.machines.service import MachineService, checked_name
from hub.machines.store import Devices, Row
from hub.sealing import Seal
from hub.users.store import Accounts

PURPOSE = "user-code"
WAITING_AT_MOST = 20  # from one address
REFUSALS = {
    "pending": ("authorization-pending", "Nobody has typed the code yet."),
    "slow": ("slow-down", "Ask less often."),
    "expired": ("expired-token", "The code has ended. Begin again."),
    "denied": ("access-denied", "The machine was not let in."),
    "used": ("invalid-grant", "The code was used. Begin again."),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """What a program shows, and what it asks with. Both are said once."""

    device_code: str
    user_code: str
    expires_in: int
    interval: int


class DeviceService:
    """Codes hold ten minutes and are used once; who guesses is slowed down."""

    def __init__(
        self,
        database: Databases,
        audit: AuditService,
        seal: Seal,
        machines: MachineService,
        clock: Clock,
        new_secret: NewSecret,
    ) -> None:
        self._database, self._audit, self._seal = database, audit, seal
        self._machines, self._clock, self._new_secret = machines, clock, new_secret

    async def begin(self, name: str, whence: From) -> Shown:
        """Raises Invalid, and TooMany `too-many-devices`."""
        shown, now, address = checked_name(name), self._clock(), whence.address[:64]
        device_code, code = self._new_secret(), user_code(self._new_secret())
        row = {
            "hash": hashed(device_code),
            "user_code": self._digest(code),
            "machine_name": shown,
            "address": address,
            "program": whence.program[:300],
            "created_at": rfc3339(now),
            "ends_at": rfc3339(now + DEVICE_HOLDS),
            "state": "pending",
            "interval_s": INTERVAL_S,
        }
        async with self._database.writing() as connection:
            devices = Devices(connection)
            if await devices.waiting_from(address, rfc3339(now)) >= WAITING_AT_MOST:
                raise TooMany(
                    "too-many-devices",
                    "Too many machines of this address wait to be let in. Wait ten minutes.",
                    retry_after_s=60,
                )
            await devices.add(row)
        return Shown(device_code, code, int(DEVICE_HOLDS.total_seconds()), INTERVAL_S)

    async def look(self, who: Principal, code: str) -> Row:
        """The machine that shows a code. Raises NotFound and TooMany."""
        at, before = await self._guess(who)
        async with self._database.writing() as connection:
            row = await Devices(connection).pending(self._digest(code), at)
            if row is not None:
                await FailedLogins(connection).undo(_subject(who), at, before)
        if row is None:
            raise _wrong()
        return row

    async def answer(self, who: Principal, code: str, *, allow: bool) -> None:
        """Somebody's yes or no. Raises NotFound `no-such-code` and TooMany."""
        at, before = await self._guess(who)
        async with self._database.writing() as connection:
            row = await Devices(connection).answer(
                self._digest(code), "allowed" if allow else "denied", who.account_id, at
            )
            if row is not None:
                await FailedLogins(connection).undo(_subject(who), at, before)
                await self._audit.note(
                    connection,
                    "machine.allow" if allow else "machine.deny",
                    row["machine_name"],
                    outcome="done" if allow else "refused",
                    machine_address=row["address"],
                )
        if row is None:
            raise _wrong()

    async def exchange(self, device_code: str, whence: From) -> Connected:
        """Tokens, when somebody said yes. Raises Malformed with the words of RFC 8628."""
        async with self._database.writing() as connection:
            answer = await self._next(connection, hashed(device_code), whence)
        if isinstance(answer, Malformed):  # what it changed is kept
            raise answer
        return answer

    async def _next(
        self, connection: AsyncConnection, key: str, whence: From
    ) -> Connected | Malformed:
        devices, now = Devices(connection), self._clock()
        row = await devices.held(key)
        if row is None:
            return Malformed("invalid-grant", "There is no such code.")
        polled_at = from_rfc3339(row["polled_at"]) if row["polled_at"] else None
        interval_s = int(row["interval_s"])
        said = polled(row["state"], from_rfc3339(row["ends_at"]), polled_at, interval_s, now)
        slower = SLOWER_S if said == "slow" else 0
        await devices.change(key, {"polled_at": rfc3339(now), "interval_s": interval_s + slower})
        if said != "allowed":
            return Malformed(*REFUSALS[said])
        await devices.change(key, {"state": "used"})
        account = await Accounts(connection).find(row["account_id"])
        if account is None or not account["is_active"]:
            return Malformed(*REFUSALS["denied"])
        machine_id, name = self._machines.new_id(), row["machine_name"]
        pair = await self._machines.connect(connection, machine_id, name, account, whence)
        return Connected(machine_id, name, pair)

    def _digest(self, code: str) -> str:
        """34 bits can be tried out: without the secret key nobody finds them in the database."""
        return self._seal.digest(typed(code), PURPOSE)

    # --- guessing -------------------------------------------------------------------------------

    async def _guess(self, who: Principal) -> tuple[str, str]:
        """Counted before it is known how it ends, so that many at once are no more than one after
        the other; one that is right is undone, and those before it stay. Says when it was counted
        and when the one before it. Raises TooMany."""
        subject, now = _subject(who), self._clock()
        async with self._database.writing() as connection:
            failed = FailedLogins(connection)
            await failed.hold([subject], rfc3339(now))
            kept = (await failed.of([subject])).get(subject)
            failures = Failures(kept[0], from_rfc3339(kept[1])) if kept else None
            pause = pause_after(failures, now)
            if pause > timedelta(0):
                raise TooMany(
                    "too-many-codes",
                    "Too many wrong codes. Wait a moment, then type what the machine shows.",
                    retry_after_s=max(1, round(pause.total_seconds())),
                )
            await failed.count(subject, rfc3339(now), rfc3339(now - FORGOTTEN_AFTER))
        return rfc3339(now), kept[1] if kept else rfc3339(now)


def _wrong() -> NotFound:
    return NotFound("no-such-code", "No machine shows this code, or it has ended. Look again.")


def _subject(who: Principal) -> str:
    return f"device:{who.account_id}"
