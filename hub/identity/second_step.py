"""The second step of signing in: a code of an app, or one from paper."""

import base64
import hashlib
import io
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.clock import Clock, NewSecret, rfc3339
from agent.shared.databases import Databases
from agent.shared.errors import Conflict, Gone, Unauthenticated
from hub.access import Principal
from hub.audit.service import AuditService
from hub.identity import totp
from hub.identity.proving import Proving
from hub.identity.recovery_store import Recovery
from hub.identity.revocations import Revocations
from hub.identity.rules import plain_code
from hub.identity.store import Row
from hub.sealing import Seal
from hub.users.store import Accounts

TOTP_PURPOSE, RECOVERY_PURPOSE = "totp", "recovery-code"
CODES, CODE_CHARACTERS = 8, 10
OFFER_HOLDS = timedelta(minutes=15)
WRONG_CODE = "The code is wrong, or was used already."


@dataclass(frozen=True, slots=True)
class Offer:
    """What an app is set up with: typed, or read from a picture."""

    secret: str
    uri: str
    svg: str


class SecondStep:
    """Set up, asked for, and taken away. A code is good for one sign-in."""

    def __init__(
        self,
        database: Databases,
        audit: AuditService,
        seal: Seal,
        revocations: Revocations,
        proving: Proving,
        clock: Clock,
        new_secret: NewSecret,
    ) -> None:
        self._database, self._audit, self._seal = database, audit, seal
        self._revocations, self._proving = revocations, proving
        self._clock, self._new_secret = clock, new_secret

    # --- at each sign-in ------------------------------------------------------------------------

    async def use(self, connection: AsyncConnection, account: Row, code: str) -> str:
        """Spends the code, in the transaction that lets somebody in; says what was used.

        Raises Unauthenticated `code-wanted` and `wrong-login`."""
        if account["totp_sealed"] is None:
            return "password"
        if not code:
            raise Unauthenticated("code-wanted", "Type the six digits of your app, too.")
        secret = self._seal.open(account["totp_sealed"], TOTP_PURPOSE)
        last: int = account["totp_last_step"]
        step = totp.step_of(secret, code, self._clock().timestamp(), last)
        if step is not None and await Accounts(connection).use_step(account["id"], step):
            return "app"
        digest = self._digest(account["id"], code)
        if await Recovery(connection).use_code(account["id"], digest):
            left = await Recovery(connection).codes_left(account["id"])
            await self._audit.note(
                connection, "user.recovery-code", account["name"], left=left,
                actor_name=account["name"],
            )  # fmt: skip
            return "recovery code"
        raise Unauthenticated("wrong-login", WRONG_CODE)

    async def codes_left(self, who: Principal) -> int | None:
        """How many codes on paper are not used yet; None where no code is asked for."""
        if not who.profile["has_totp"]:
            return None
        async with self._database.reading() as connection:
            return await Recovery(connection).codes_left(who.account_id)

    # --- set up and taken away ------------------------------------------------------------------

    async def offer(self, who: Principal) -> Offer:
        """A secret for an app, which counts when a code of it has been typed.

        Raises Denied `proof-wanted`, Conflict `totp-set` and `no-password`."""
        secret = totp.new_secret()
        async with self._database.writing() as connection:
            account = await Accounts(connection).find(who.account_id)
            if account is None or account["password_hash"] is None:
                raise Conflict(
                    "no-password", "You sign in with your provider: set the second step up there."
                )
            if account["totp_sealed"] is not None:
                raise Conflict("totp-set", "There is an app already. Remove it first.")
            await self._proving.check(connection, who)
            ends_at = rfc3339(self._clock() + OFFER_HOLDS)
            sealed = self._seal.seal(secret, TOTP_PURPOSE)
            await Recovery(connection).offer(who.account_id, sealed, ends_at)
        uri = totp.address(secret, who.name)
        return Offer(secret, uri, _picture(uri))

    async def confirm(self, who: Principal, code: str) -> list[str]:
        """From now on a code is asked for. The codes for paper, said once.

        Raises Gone `no-offer` and Unauthenticated `wrong-code`."""
        now = self._clock()
        codes = [self._new_code() for _ in range(CODES)]
        async with self._database.writing() as connection:
            recovery = Recovery(connection)
            sealed = await recovery.offered(who.account_id, rfc3339(now))
            if sealed is None:
                raise Gone("no-offer", "This took too long. Begin again.")
            secret = self._seal.open(sealed, TOTP_PURPOSE)
            step = totp.step_of(secret, code, now.timestamp(), 0)
            if step is None:
                raise Unauthenticated("wrong-code", "The six digits are wrong. Is the time right?")
            if not await recovery.take_offer(who.account_id, sealed):
                raise Gone("no-offer", "This was done already.")
            await recovery.set_codes(
                who.account_id, [self._digest(who.account_id, one) for one in codes]
            )
            change = {"totp_sealed": sealed, "totp_last_step": step, "updated_at": rfc3339(now)}
            await Accounts(connection).change(who.account_id, change)
            await self._audit.note(connection, "user.totp-set", who.name)
        await self._revocations.tell(who.account_id)
        return codes

    async def remove(self, account_id: str, name: str) -> None:
        """Whoever asks has proved that they may."""
        change = {"totp_sealed": None, "updated_at": rfc3339(self._clock())}
        async with self._database.writing() as connection:
            await Accounts(connection).change(account_id, change)
            await Recovery(connection).set_codes(account_id, [])
            await self._audit.note(connection, "user.totp-remove", name)
        await self._revocations.tell(account_id)

    def _new_code(self) -> str:
        """Fifty bits, in letters and digits that are told apart on paper."""
        whole = hashlib.sha256(self._new_secret().encode()).digest()
        text = base64.b32encode(whole).decode().lower()[:CODE_CHARACTERS]
        return f"{text[:5]}-{text[5:]}"

    def _digest(self, account_id: str, code: str) -> str:
        return self._seal.digest(f"{account_id}:{plain_code(code)}", RECOVERY_PURPOSE)


def _picture(uri: str) -> str:
    import segno  # slow import

    drawn = io.BytesIO()
    segno.make(uri, error="m").save(
        drawn, kind="svg", xmldecl=False, svgns=True, scale=4, border=4, dark="#000", light="#fff"
    )
    return drawn.getvalue().decode()
