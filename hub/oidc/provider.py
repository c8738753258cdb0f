"""The one way to the provider: what it says of itself, its keys, and its tokens."""

import base64
import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote_plus

from agent.shared.clock import Clock
from hub.oidc.kept import At, Kept
from hub.oidc.rules import BadToken, is_safe_address
from hub.oidc.shared import Described, SharedDocuments
from hub.oidc.wire import Answer, Provider, Wire

if TYPE_CHECKING:
    from joserfc.jwk import Key

UNKNOWN_KEY_PAUSE = timedelta(seconds=60)
MOST_KEYS = 100
# What the hub reads of the provider's description, and keeps for other replicas.
DISCOVERY = (
    "issuer",
    "authorization_endpoint",
    "token_endpoint",
    "jwks_uri",
    "userinfo_endpoint",
    "end_session_endpoint",
    "revocation_endpoint",
    "token_endpoint_auth_methods_supported",
    "authorization_response_iss_parameter_supported",
)
KEY_TYPES = {"R": "RSA", "P": "RSA", "E": "EC"}  # by the first letter of the algorithm
WEAKEST_RSA = 2048
log = logging.getLogger(__name__)


class GrantGone(Exception):
    """The provider no longer takes a code or a refresh token: it was used, revoked, or is over."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where the provider does what (OpenID Connect Discovery, 3)."""

    authorization: str
    token: str
    keys: str
    userinfo: str | None
    end_session: str | None
    revocation: str | None
    takes_basic: bool
    says_issuer: bool


@dataclass(frozen=True, slots=True)
class SaidPlaces:
    """As it was said, and as it is read."""

    said: Answer
    places: Places


@dataclass(frozen=True, slots=True)
class SaidKeys:
    """The same of its keys."""

    said: Answer
    keys: "list[Key]"


class ProviderClient:
    """Speaks to one provider. Its failures are ours: Unavailable while it does not answer or
    answers nonsense."""

    def __init__(self, provider: Provider, shared: SharedDocuments, clock: Clock) -> None:
        self.provider, self._wire, self._clock = provider, Wire(provider), clock
        self._shared = shared
        self._places = Kept(self._fetch_places, self._shared_places, clock)
        self._keys = Kept(self._fetch_keys, self._shared_keys, clock)
        self._asked_for_unknown: datetime | None = None

    async def close(self) -> None:
        await self._wire.close()

    async def places(self) -> Places:
        """Raises Unavailable."""
        return (await self._places.get()).places

    async def check(self) -> None:
        """For health, and to have at hand what the next sign-in needs. Raises Unavailable."""
        if self._wire.is_away:
            await self._places.again()
        await self._places.get()
        await self._keys.get()

    async def refreshed(self) -> Described:
        """All that it says of itself, asked now, for every replica. Raises Unavailable."""
        places, keys = await self._places.again(), await self._keys.again()
        return Described(places.said, keys.said, self._clock())

    async def adopt(self) -> None:
        """Takes what another replica was told since."""
        await self._places.adopted()
        await self._keys.adopted()

    async def key(self, key_id: str, algorithm: str) -> "Key":
        """The one that signs so. Looks again, once a minute, for one that is not known: providers
        change theirs. Raises BadToken, and Unavailable."""
        found = _key_in((await self._keys.get()).keys, key_id, algorithm)
        if found is None and self._may_ask_again():
            newer = await self._keys.adopted()
            found = _key_in(newer.keys, key_id, algorithm) if newer else None
            found = found or _key_in((await self._keys.again()).keys, key_id, algorithm)
        if found is None:
            raise BadToken("the provider has no such key")
        return found

    def _may_ask_again(self) -> bool:
        now, before = self._clock(), self._asked_for_unknown
        if before is not None and now - before < UNKNOWN_KEY_PAUSE:
            return False
        self._asked_for_unknown = now
        return True

    # --- tokens ---------------------------------------------------------------------------------

    async def exchange(self, code: str, verifier: str, redirect_uri: str) -> Answer:
        """Raises GrantGone and Unavailable."""
        return await self._grant(
            grant_type="authorization_code",
            code=code,
            code_verifier=verifier,
            redirect_uri=redirect_uri,
        )

    async def refresh(self, refresh_token: str) -> Answer:
        """Raises GrantGone and Unavailable."""
        return await self._grant(grant_type="refresh_token", refresh_token=refresh_token)

    async def userinfo(self, access_token: str) -> Answer:
        """Empty where the provider has no such place. Raises Unavailable."""
        url = (await self.places()).userinfo
        if url is None:
            return {}
        status, said = await self._wire.ask("GET", url, {"Authorization": f"Bearer {access_token}"})
        if status != 200:
            raise self._wire.refused(status)
        return said

    async def revoke(self, refresh_token: str) -> None:
        """As far as the provider can (RFC 7009). Raises Unavailable."""
        places = await self.places()
        if places.revocation is None:
            return
        form = {"token": refresh_token, "token_type_hint": "refresh_token"}
        await self._post(places.revocation, places, form)

    async def _grant(self, **form: str) -> Answer:
        places = await self.places()
        status, said = await self._post(places.token, places, form)
        if status == 400 and said.get("error") == "invalid_grant":
            raise GrantGone
        if status != 200 or not isinstance(said.get("access_token"), str):
            raise self._wire.refused(status)
        return said

    async def _post(self, url: str, places: Places, form: dict[str, str]) -> tuple[int, Answer]:
        provider, headers = self.provider, {}
        if places.takes_basic:  # RFC 6749, 2.3.1
            pair = f"{quote_plus(provider.client_id)}:{quote_plus(provider.client_secret)}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        else:
            form |= {"client_id": provider.client_id, "client_secret": provider.client_secret}
        return await self._wire.ask("POST", url, headers, form)

    # --- what it says of itself -----------------------------------------------------------------

    async def _fetch_places(self) -> "SaidPlaces":
        url = f"{self.provider.issuer.rstrip('/')}/.well-known/openid-configuration"
        status, said = await self._wire.ask("GET", url)
        if status != 200:
            raise self._wire.refused(status)
        return self._read_places({name: said[name] for name in DISCOVERY if name in said})

    async def _shared_places(self) -> "At[SaidPlaces] | None":
        found = await self._shared.read()
        return At(found.fetched_at, self._read_places(found.discovery)) if found else None

    def _read_places(self, said: Answer) -> "SaidPlaces":
        """Raises Unavailable."""
        if said.get("issuer") != self.provider.issuer:
            raise self._wire.garbled("calls itself by another address than oidc_issuer")
        methods = said.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        places = Places(
            authorization=self._place(said, "authorization_endpoint") or "",
            token=self._place(said, "token_endpoint") or "",
            keys=self._place(said, "jwks_uri") or "",
            userinfo=self._place(said, "userinfo_endpoint"),
            end_session=self._place(said, "end_session_endpoint"),
            revocation=self._place(said, "revocation_endpoint"),
            takes_basic=not isinstance(methods, list) or "client_secret_basic" in methods,
            says_issuer=said.get("authorization_response_iss_parameter_supported") is True,
        )
        if not (places.authorization and places.token and places.keys):
            raise self._wire.garbled("does not say where people sign in")
        return SaidPlaces(said, places)

    def _place(self, said: Answer, name: str) -> str | None:
        url = said.get(name)
        if url is None:
            return None
        is_plain = url.startswith("http:") if isinstance(url, str) else True
        if not is_safe_address(url) or (is_plain and self.provider.issuer.startswith("https:")):
            raise self._wire.garbled(f"has an address without TLS ({name})")
        return str(url)

    async def _fetch_keys(self) -> "SaidKeys":
        status, said = await self._wire.ask("GET", (await self.places()).keys)
        given = said.get("keys")
        if status != 200 or not isinstance(given, list):
            raise self._wire.refused(status)
        return self._read_keys({"keys": given[:MOST_KEYS]})

    async def _shared_keys(self) -> "At[SaidKeys] | None":
        found = await self._shared.read()
        return At(found.fetched_at, self._read_keys(found.keys)) if found else None

    def _read_keys(self, said: Answer) -> "SaidKeys":
        from joserfc.errors import JoseError  # slow import
        from joserfc.jwk import RSAKey, import_key  # slow import

        keys = []
        for one in said["keys"]:
            # Symmetric ones and those without a name are of no use, whatever they are for.
            if not isinstance(one, dict) or one.get("kty") not in ("RSA", "EC"):
                continue
            if not isinstance(one.get("kid"), str) or one.get("use", "sig") != "sig":
                continue
            try:
                key = import_key(one)
            except (JoseError, ValueError, TypeError):
                log.warning("A key of %s cannot be read", self.provider.name)
                continue
            if not isinstance(key, RSAKey) or key.public_key.key_size >= WEAKEST_RSA:
                keys.append(key)
        return SaidKeys(said, keys)


def _key_in(keys: "list[Key]", key_id: str, algorithm: str) -> "Key | None":
    for key in keys:
        fits = key.kid == key_id and key.key_type == KEY_TYPES[algorithm[0]]
        if fits and key.get("alg") in (None, algorithm):
            return key
    return None
