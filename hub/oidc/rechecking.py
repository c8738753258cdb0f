"""Machines and keys of people whom a provider vouches for, while nobody asks it about them."""

from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.clock import Clock, from_rfc3339
from agent.shared.errors import Denied
from hub.identity.rules import may_use_password
from hub.oidc.store import Identities
from hub.settings import Settings
from hub.users.store import Accounts


class Rechecking:
    """They wait for a sign-in in the browser once the provider knows the person no more, or has not
    been heard about them for `oidc_recheck_days`. Local accounts are not concerned."""

    def __init__(self, settings: Settings, name: str, clock: Clock) -> None:
        self._settings, self._name, self._clock = settings, name, clock

    async def __call__(self, connection: AsyncConnection, account_id: str) -> None:
        """Raises Denied `provider-unsure`."""
        identities = await Identities(connection).of(account_id)
        if not identities or await self._is_local(connection, account_id):
            return
        if all(one["gone_at"] is not None for one in identities):
            raise self._refusal(f"{self._name} does not vouch for you any more.")
        days = self._settings.oidc_recheck_days
        heard = max(from_rfc3339(one["checked_at"]) for one in identities if not one["gone_at"])
        if days and self._clock() - heard >= timedelta(days=days):
            raise self._refusal(f"{self._name} was last heard about you more than {days} days ago.")

    async def _is_local(self, connection: AsyncConnection, account_id: str) -> bool:
        account = await Accounts(connection).find(account_id)
        return account is not None and may_use_password(
            self._settings.local_login,
            has_password=account["password_hash"] is not None,
            is_break_glass=account["is_break_glass"],
        )

    def _refusal(self, why: str) -> Denied:
        return Denied(
            "provider-unsure",
            f"{why} Sign in again in the browser, at {self._settings.origin}: computers and keys "
            "go on then.",
        )
