"""Whether somebody who is signed in has just shown that it is them: a session that was left open,
or a copy of its cookie, must not make a way in that lasts."""

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.clock import Clock, from_rfc3339, rfc3339
from agent.shared.errors import Denied
from hub.access import Principal
from hub.identity.rules import LocalLogin, is_proved, may_use_password
from hub.identity.store import Sessions
from hub.identity.tokens import TokenSeam
from hub.users.store import Accounts


class Proving:
    """A sign-in counts for ten minutes, and so does the password, said again."""

    def __init__(self, tokens: TokenSeam, clock: Clock, local_login: LocalLogin) -> None:
        self._tokens, self._clock, self._local_login = tokens, clock, local_login

    async def check(self, connection: AsyncConnection, who: Principal) -> None:
        """Raises Denied `proof-wanted`; its `proof` says by what: `password`, or `provider`."""
        proved_at = None
        if who.means == "session":
            proved_at = await Sessions(connection).proved_at(who.means_id)
        elif who.means == "token" and self._tokens.issuer is not None:
            proved_at = await self._tokens.issuer.proved_at(connection, who.means_id)
        if is_proved(from_rfc3339(proved_at) if proved_at else None, self._clock()):
            return
        if await self.by_password(connection, who):
            raise Denied(
                "proof-wanted", "Say your password once more to do this.", proof="password"
            )
        raise Denied(
            "proof-wanted",
            "Sign in with your provider once more to do this: the last time was more than ten "
            "minutes ago.",
            proof="provider",
        )

    async def by_password(self, connection: AsyncConnection, who: Principal) -> bool:
        """Whether there is a password that counts."""
        account = await Accounts(connection).find(who.account_id)
        return account is not None and may_use_password(
            self._local_login,
            has_password=account["password_hash"] is not None,
            is_break_glass=account["is_break_glass"],
        )

    async def proved(self, connection: AsyncConnection, who: Principal) -> None:
        """They have just said the password."""
        now = rfc3339(self._clock())
        if who.means == "session":
            await Sessions(connection).prove(who.means_id, now)
        elif who.means == "token" and self._tokens.issuer is not None:
            await self._tokens.issuer.prove(connection, who.means_id, now)
