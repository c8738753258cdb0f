"""Signing out, here and at the provider, and being signed out by it."""

import hashlib
import logging
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlencode

from agent.shared.clock import rfc3339
from agent.shared.errors import Malformed, Unavailable
from hub.access import Principal
from hub.core import Core
from hub.identity.opening import People
from hub.identity.store import Sessions
from hub.oidc.provider import ProviderClient
from hub.oidc.rules import BadToken, check_logout
from hub.oidc.sign_in import opened_tokens
from hub.oidc.store import Identities, Once, ProviderSessions
from hub.oidc.tokens import LOGOUT_TYPES, read_token

REPLAY_HOURS = 24
LONGEST_ADDRESS = 4000  # of a link that every server on the way takes

log = logging.getLogger(__name__)


class SigningOut:
    """The hub's session ends first, whatever the provider says to it."""

    def __init__(self, core: Core, people: People, client: ProviderClient | None) -> None:
        self._core, self._people, self._client = core, people, client

    async def sign_out(self, who: Principal) -> str | None:
        """Ends the session. Where to go for signing out at the provider, too, if it let this
        session in."""
        core = self._core
        async with core.database.writing() as connection:
            row = await ProviderSessions(connection).find(who.means_id)
            await Sessions(connection).end(who.account_id, session_id=who.means_id)
            await core.audit.note(connection, "logout", who.name)
        await self._people.revocations.tell(who.account_id)
        if row is None or self._client is None or row["iss"] != self._client.provider.issuer:
            return None
        tokens = opened_tokens(core, row["sealed"])
        return await self._at_provider(self._client, tokens)

    async def _at_provider(self, client: ProviderClient, tokens: Mapping[str, str]) -> str | None:
        try:
            places = await client.places()
            if "refresh_token" in tokens:
                await client.revoke(tokens["refresh_token"])
        except Unavailable:
            log.warning("The provider could not be told that somebody signed out")
            return None
        if places.end_session is None:
            return None
        query = {
            "client_id": client.provider.client_id,
            "post_logout_redirect_uri": f"{self._core.settings.origin}/",
        }
        plain = f"{places.end_session}?{urlencode(query)}"
        hinted = f"{plain}&{urlencode({'id_token_hint': tokens.get('id_token', '')})}"
        return hinted if len(hinted) <= LONGEST_ADDRESS else plain

    async def told_by_provider(self, token: str) -> int:
        """What OpenID Connect Back-Channel Logout asks for; says how many sessions have ended.

        Raises Malformed, for one that was sent before, too, and Unavailable."""
        client, core = self._client, self._core
        if client is None:
            raise Malformed("no-provider", "No provider is set here.")
        provider = client.provider
        try:
            _, claims = await read_token(
                client, token, core.settings.oidc_algorithms.split(), LOGOUT_TYPES
            )
            token_id = check_logout(
                claims,
                issuer=provider.issuer,
                client_id=provider.client_id,
                now_s=core.clock().timestamp(),
            )
        except BadToken as err:
            raise Malformed("bad-logout-token", f"The logout token is refused: {err}.") from None
        ended, accounts = await self._end(provider.issuer, token_id, claims)
        await self._people.revocations.tell(*accounts)
        return ended

    async def _end(
        self, issuer: str, token_id: str, claims: Mapping[str, object]
    ) -> tuple[int, list[str]]:
        core = self._core
        digest = hashlib.sha256(f"logout {issuer} {token_id}".encode()).hexdigest()
        ends_at = rfc3339(core.clock() + timedelta(hours=REPLAY_HOURS))
        sid, sub = claims.get("sid"), claims.get("sub")
        async with core.database.writing() as connection:
            if not await Once(connection).use(digest, ends_at):
                raise Malformed("bad-logout-token", "The logout token was sent before.")
            if isinstance(sid, str):
                accounts = await ProviderSessions(connection).accounts_of(issuer, sid)
                ended = await Sessions(connection).end_of_provider(issuer, sid=sid, account_id=None)
            else:
                account = await Identities(connection).account(issuer, str(sub))
                accounts = [account["id"]] if account else []
                ended = 0
                for one in accounts:
                    ended += await Sessions(connection).end_of_provider(
                        issuer, sid=None, account_id=one
                    )
            await core.audit.note(
                connection,
                "logout.by-provider",
                str(sub or sid),
                actor_name="provider",
                sessions=ended,
            )
        return ended, accounts
