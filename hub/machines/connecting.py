"""An agent signs in by the browser of its computer (RFC 8252): a code goes to a port of it, and
is worth something only together with what the agent alone knows (RFC 7636)."""

import hmac
from dataclasses import dataclass
from urllib.parse import urlencode

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.clock import Clock, NewSecret, rfc3339
from agent.shared.databases import Databases
from agent.shared.errors import Invalid, Malformed
from hub.access import Principal
from hub.audit.service import AuditService
from hub.identity.sessions import From
from hub.machines.rules import (
    CHALLENGE,
    CLIENT,
    CODE_HOLDS,
    Pair,
    challenge_of,
    hashed,
    is_loopback,
)
from hub.machines.service import MachineService, checked_name
from hub.machines.store import Codes, Machines, Row
from hub.users.store import Accounts


@dataclass(frozen=True, slots=True)
class Wish:
    """What an agent wants, as its browser brings it."""

    response_type: str
    client_id: str
    redirect_uri: str
    code_challenge: str
    code_challenge_method: str
    state: str
    machine_name: str


@dataclass(frozen=True, slots=True)
class Connected:
    """A machine that has just come in, with what it carries from now on."""

    id: str
    name: str
    pair: Pair


class Connecting:
    """A code is used once and within a minute; a second use throws the machine out again."""

    def __init__(
        self,
        database: Databases,
        audit: AuditService,
        machines: MachineService,
        clock: Clock,
        new_secret: NewSecret,
        *,
        origin: str,
    ) -> None:
        self._database, self._audit, self._machines = database, audit, machines
        self._clock, self._new_secret, self._origin = clock, new_secret, origin

    async def approve(self, who: Principal, wish: Wish, *, allow: bool) -> str:
        """Where the browser goes with somebody's yes or no. Raises Invalid."""
        name = check(wish)
        if not allow:
            await self._audit.note_alone("machine.deny", name, outcome="refused")
            return self._back(wish, error="access_denied")
        code = self._new_secret()
        row = {
            "hash": hashed(code),
            "account_id": who.account_id,
            "challenge": wish.code_challenge,
            "redirect_uri": wish.redirect_uri,
            "machine_name": name,
            "ends_at": rfc3339(self._clock() + CODE_HOLDS),
        }
        async with self._database.writing() as connection:
            await Codes(connection).add(row)
            await self._audit.note(connection, "machine.allow", name)
        return self._back(wish, code=code)

    async def exchange(
        self, code: str, verifier: str, redirect_uri: str, whence: From
    ) -> Connected:
        """Tokens for a code. Raises Malformed `invalid-grant`."""
        async with self._database.writing() as connection:
            connected = await self._used(connection, code, verifier, redirect_uri, whence)
        if isinstance(connected, str):
            await self._machines.tell(connected)
        if not isinstance(connected, Connected):  # a code that was tried in vain is spent
            raise Malformed("invalid-grant", "The code is wrong, was used, or has ended.")
        return connected

    async def _used(
        self,
        connection: AsyncConnection,
        code: str,
        verifier: str,
        redirect_uri: str,
        whence: From,
    ) -> Connected | str | None:
        """The account's id where a machine was thrown out."""
        machine_id = self._machines.new_id()
        row = await Codes(connection).use(hashed(code), rfc3339(self._clock()), machine_id)
        if row is None:
            return await self._throw_out(connection, code)
        account = await Accounts(connection).find(row["account_id"])
        if not _fits(row, verifier, redirect_uri) or not account or not account["is_active"]:
            return None
        name = row["machine_name"]
        pair = await self._machines.connect(connection, machine_id, name, account, whence)
        return Connected(machine_id, name, pair)

    async def _throw_out(self, connection: AsyncConnection, code: str) -> str | None:
        """Whoever came in by a code that now comes a second time (RFC 6749, 4.1.2)."""
        row = await Codes(connection).find(hashed(code))
        if row is None or row["used_at"] is None:
            return None
        machine = await Machines(connection).remove(row["machine_id"])
        if machine is None:
            return None
        await self._audit.note(
            connection, "machine.code-reuse", row["machine_name"], outcome="refused"
        )
        return str(machine["account_id"])

    def _back(self, wish: Wish, **said: str) -> str:
        query = urlencode({**said, "state": wish.state, "iss": self._origin})
        return f"{wish.redirect_uri}?{query}"


def check(wish: Wish) -> str:
    """The machine's name as it is shown. Raises Invalid: what is wrong here is not carried back,
    since nobody knows who would read it."""
    if wish.response_type != "code" or wish.client_id != CLIENT:
        raise Invalid("unknown-client", "Agents alone sign in this way, by a code.")
    if not is_loopback(wish.redirect_uri):
        raise Invalid(
            "bad-redirect", "A code goes to a port of 127.0.0.1 or [::1] alone, never elsewhere."
        )
    if wish.code_challenge_method != "S256" or not CHALLENGE.fullmatch(wish.code_challenge):
        raise Invalid("bad-challenge", "A code needs a challenge by S256 (RFC 7636).")
    if not 1 <= len(wish.state) <= 500:
        raise Invalid("bad-state", "The state has 1 to 500 characters.")
    return checked_name(wish.machine_name)


def _fits(row: Row, verifier: str, redirect_uri: str) -> bool:
    challenge = challenge_of(verifier)
    return (
        challenge is not None
        and hmac.compare_digest(challenge, row["challenge"])
        and redirect_uri == row["redirect_uri"]
    )
