"""The way to the provider and back: code flow with PKCE, state, nonce and issuer."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.clock import from_rfc3339, rfc3339
from agent.shared.errors import Denied, Malformed, Unavailable
from hub.access import Principal
from hub.core import Core
from hub.identity.opening import People
from hub.identity.principals import principal
from hub.identity.rules import PROOF_HOLDS
from hub.identity.sessions import From, Opened
from hub.identity.store import Row, Sessions
from hub.oidc.people import Vouched
from hub.oidc.provider import GrantGone, ProviderClient
from hub.oidc.rules import (
    KNOWN_ERRORS,
    LONGEST_SUBJECT,
    BadToken,
    Brought,
    Claims,
    challenge_of,
    check_access_digest,
    check_identity,
    groups_in,
    local_path,
    proved_at_s,
    text_in,
)
from hub.oidc.store import Identities, Once, ProviderSessions
from hub.oidc.tokens import ID_TYPES, read_token
from hub.oidc.wire import Answer

ATTEMPT_S = 600
ATTEMPT_PURPOSE = "oidc-attempt"
TOKENS_PURPOSE = "oidc-tokens"
METHOD = "oidc"
LONGEST_ATTEMPT = 4096
AGAIN = "Begin once more on the hub's page."

NOTHING = Brought("missing")


@dataclass(frozen=True, slots=True)
class Attempt:
    """What only the browser that began keeps, sealed, until it comes back."""

    state: str
    nonce: str
    verifier: str
    next: str
    ends_at: str
    is_fresh: bool = False


@dataclass(frozen=True, slots=True)
class Returned:
    """What the provider's redirect says."""

    state: str
    code: str
    error: str
    iss: str | None


@dataclass(frozen=True, slots=True)
class LetIn:
    """A session that has begun, and the page that was wanted."""

    opened: Opened
    next: str


class SignIn:
    """Begins on the hub's page and ends there, in the same browser, once."""

    def __init__(
        self,
        core: Core,
        people: People,
        client: ProviderClient,
        vouched: Vouched,
        *,
        redirect_uri: str,
    ) -> None:
        self._core, self._people = core, people
        self._client, self._vouched = client, vouched
        self._redirect_uri = redirect_uri

    async def begin(self, wanted: str, *, is_fresh: bool = False) -> tuple[str, str]:
        """The provider's page, and what the browser keeps. `is_fresh`: the provider is to ask who
        it is, unless it has just done so. Raises Unavailable."""
        places, core = await self._client.places(), self._core
        ends_at = rfc3339(core.clock() + timedelta(seconds=ATTEMPT_S))
        made = (core.new_secret(), core.new_secret(), core.new_secret())
        attempt = Attempt(*made, next=local_path(wanted), ends_at=ends_at, is_fresh=is_fresh)
        prompt = core.settings.oidc_prompt
        query = urlencode(
            {
                **({"prompt": prompt} if prompt != "auto" else {}),
                **({"max_age": str(int(PROOF_HOLDS.total_seconds()))} if is_fresh else {}),
                "response_type": "code",
                "client_id": self._client.provider.client_id,
                "redirect_uri": self._redirect_uri,
                "scope": core.settings.oidc_scopes,
                "state": attempt.state,
                "nonce": attempt.nonce,
                "code_challenge": challenge_of(attempt.verifier),
                "code_challenge_method": "S256",
            }
        )
        kept = {name: getattr(attempt, name) for name in Attempt.__slots__}
        sealed = core.seal.seal(orjson.dumps(kept).decode(), ATTEMPT_PURPOSE)
        joint = "&" if "?" in places.authorization else "?"
        return f"{places.authorization}{joint}{query}", sealed

    async def finish(
        self, sealed: str, returned: Returned, whence: From, present: Principal | None
    ) -> LetIn:
        """A session for whom the provider vouches. Raises Malformed, Denied and Unavailable."""
        attempt = self._attempt(sealed)
        if not hmac.compare_digest(attempt.state.encode(), _bytes(returned.state)):
            raise Denied("wrong-state", f"This is not the way back that was begun here. {AGAIN}")
        await self._check_issuer(returned.iss)
        await self._use(attempt)
        if returned.error or not returned.code:
            await self._refused("", f"the provider said {_known(returned.error)}")
            raise Denied(
                "provider-refused",
                f"{self._client.provider.name} did not let you in ({_known(returned.error)}).",
            )
        try:
            said = await self._client.exchange(returned.code, attempt.verifier, self._redirect_uri)
            claims, subject = await self._identity(said, attempt.nonce)
        except GrantGone:
            await self._refused("", "the provider does not take the code")
            raise Denied(
                "code-refused", f"The sign-in was used or took too long. {AGAIN}"
            ) from None
        except BadToken as err:
            await self._refused("", f"the ID token is refused: {err}")
            raise Denied(
                "bad-identity",
                f"What {self._client.provider.name} said about you cannot be believed: {err}.",
            ) from None
        if attempt.is_fresh:  # whoever was asked to be sure, and says no time, has just been
            claims = {"auth_time": int(self._core.clock().timestamp()), **claims}
        opened = await self._let_in(subject, claims, said, whence, present)
        return LetIn(opened, attempt.next)

    async def all_claims(self, said: Answer, claims: Claims, subject: str) -> Claims:
        """Those of the ID token, and where they say nothing of groups, those of userinfo, too.

        Raises BadToken, and Unavailable."""
        if claims.get(self._vouched.claim) is not None:
            return claims
        more = await self._client.userinfo(said["access_token"])
        if more and more.get("sub") != subject:
            raise BadToken("the provider tells of somebody else")
        return {**more, **claims}

    # --- steps ----------------------------------------------------------------------------------

    def _attempt(self, sealed: str) -> Attempt:
        lost = Malformed("login-not-begun", f"This browser did not begin to sign in here. {AGAIN}")
        if not sealed or len(sealed) > LONGEST_ATTEMPT:
            raise lost
        try:
            attempt = Attempt(**orjson.loads(self._core.seal.open(sealed, ATTEMPT_PURPOSE)))
        except Unavailable:  # sealed by nobody here
            raise lost from None
        if rfc3339(self._core.clock()) >= attempt.ends_at:
            raise Denied("login-too-slow", f"That took more than ten minutes. {AGAIN}")
        return attempt

    async def _check_issuer(self, said: str | None) -> None:
        """RFC 9207, 2.4: against a provider that passes on the answer of another one."""
        provider = self._client.provider
        wanted = (await self._client.places()).says_issuer
        if (said is None and wanted) or (said is not None and said != provider.issuer):
            raise Denied("wrong-issuer", f"The answer does not come from {provider.name}. {AGAIN}")

    async def _use(self, attempt: Attempt) -> None:
        digest = hashlib.sha256(f"state {attempt.state}".encode()).hexdigest()
        async with self._core.database.writing() as connection:
            is_first = await Once(connection).use(digest, attempt.ends_at)
        if not is_first:
            raise Denied("login-used", f"This sign-in was used already. {AGAIN}")

    async def _identity(self, said: Answer, nonce: str) -> tuple[Claims, str]:
        settings, provider = self._core.settings, self._client.provider
        algorithm, claims = await read_token(
            self._client, said.get("id_token"), settings.oidc_algorithms.split(), ID_TYPES
        )
        subject = check_identity(
            claims,
            issuer=provider.issuer,
            client_id=provider.client_id,
            nonce=nonce,
            now_s=self._core.clock().timestamp(),
        )
        check_access_digest(claims, said["access_token"], algorithm)
        return await self.all_claims(said, claims, subject), subject

    async def _let_in(
        self, subject: str, claims: Claims, said: Answer, whence: From, present: Principal | None
    ) -> Opened:
        core, issuer = self._core, self._client.provider.issuer
        try:
            async with core.database.writing() as connection:
                known = await self._vouched.let_in(connection, issuer, subject, claims)
                if present is not None and present.means == "session":
                    await Sessions(connection).end(present.account_id, session_id=present.means_id)
                opened = await self._open(connection, known.account, claims, said, whence)
        except Denied as err:
            await self._refused(subject, err.detail, groups_in(claims, self._vouched.claim))
            raise
        changed = {known.account["id"], *known.moved}
        if present is not None:
            changed.add(present.account_id)
        await self._people.revocations.tell(*sorted(changed))
        return opened

    async def _open(
        self,
        connection: AsyncConnection,
        account: Row,
        claims: Claims,
        said: Answer,
        whence: From,
    ) -> Opened:
        core, settings = self._core, self._core.settings
        now = core.clock()
        row, opened = self._people.sessions.opened(account["id"], METHOD, whence)
        refresh_token = said.get("refresh_token")
        ends_at, ends_in_s = row["ends_at"], opened.ends_in_s
        if not isinstance(refresh_token, str):
            ends_at = min(ends_at, rfc3339(now + timedelta(hours=settings.oidc_unchecked_hours)))
            ends_in_s = round((from_rfc3339(ends_at) - now).total_seconds())
        sid = text_in(claims, "sid", LONGEST_SUBJECT)
        proved_s = proved_at_s(claims, now.timestamp())
        about = {
            "iss": self._client.provider.issuer,
            "sid": sid,
            "ends_at": ends_at,
            "proved_at": rfc3339(datetime.fromtimestamp(proved_s, UTC)) if proved_s else None,
        }
        await Sessions(connection).add({**row, **about})
        due = rfc3339(now + timedelta(minutes=settings.oidc_refresh_minutes))
        await ProviderSessions(connection).add(
            {
                "session_id": row["id"],
                "sealed": sealed_tokens(core, said, None),
                "checked_at": rfc3339(now),
                "due_at": due if isinstance(refresh_token, str) else None,
                "claim": None,
                "claim_ends_at": None,
            }
        )
        who = await principal(connection, account["id"], "session", opened.id)
        await core.audit.note(connection, "login", account["name"], actor=who, method=METHOD)
        return Opened(opened.id, opened.secret, ends_in_s)

    async def _refused(self, subject: str, problem: str, brought: Brought = NOTHING) -> None:
        """Kept for the Administrator: the person sees less."""
        core = self._core
        async with core.database.writing() as connection:
            known = subject and await Identities(connection).account(
                self._client.provider.issuer, subject
            )
            await self._vouched.note_login(
                connection, "login", known or None, subject, brought, problem
            )
            target = known["name"] if known else subject or "(nobody)"
            await core.audit.note(
                connection, "login", target, outcome="refused", method=METHOD, wrong=problem
            )


def sealed_tokens(core: Core, said: Answer, before: dict[str, str] | None) -> str:
    """What the session needs later: to ask again, and to say at the provider who signs out."""
    kept = dict(before or {})
    for name in ("refresh_token", "id_token"):
        if isinstance(said.get(name), str):
            kept[name] = said[name]
    return core.seal.seal(orjson.dumps(kept).decode(), TOKENS_PURPOSE)


def opened_tokens(core: Core, sealed: str) -> dict[str, str]:
    """Raises Unavailable if another key sealed them."""
    tokens: dict[str, str] = orjson.loads(core.seal.open(sealed, TOKENS_PURPOSE))
    return tokens


def _known(error: str) -> str:
    return error if error in KNOWN_ERRORS else "no reason that is known"


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")
