"""What a provider may say and what it means for the hub, decided with values alone."""

import base64
import hashlib
import hmac
import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

LOOPBACK = {"127.0.0.1", "::1", "localhost"}
# Asymmetric ones alone: whoever can check a token must not be able to make one.
SIGNING = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512"}
)
SKEW_S = 60
LOGOUT_HOLDS_S = 120
LATEST_S = 1e11
MOST_GROUPS, LONGEST_GROUP = 1000, 200
LONGEST_SUBJECT, LONGEST_PATH = 255, 500
LOGOUT_EVENT = "http://schemas.openid.net/event/backchannel-logout"
# RFC 6749, 4.1.2.1 and OpenID Connect Core, 3.1.2.6. Nothing else is repeated to anybody.
KNOWN_ERRORS = frozenset(
    {
        "access_denied",
        "account_selection_required",
        "consent_required",
        "interaction_required",
        "invalid_request",
        "invalid_scope",
        "login_required",
        "server_error",
        "temporarily_unavailable",
        "unauthorized_client",
        "unsupported_response_type",
    }
)
Claims = Mapping[str, object]
Found = Literal["list", "string", "missing", "odd"]
RoleName = Literal["administrator", "user"]


class BadToken(Exception):
    """A token that must not be believed, with the reason in a few words and no part of it."""


@dataclass(frozen=True, slots=True)
class Brought:
    """What a sign-in says of groups: names where they can be read, and how they were found."""

    found: Found
    names: tuple[str, ...] = ()

    @property
    def is_known(self) -> bool:
        return self.found in ("list", "string")


# --- settings -----------------------------------------------------------------------------------


def issuer_address(text: str) -> str:
    """As the provider writes it: a slash at the end counts. Raises ValueError."""
    parts = urlsplit(text.strip())
    if not parts.hostname or "@" in parts.netloc or parts.query or parts.fragment:
        raise ValueError("it is an address such as https://example.okta.com")
    if not is_safe_address(text.strip()):
        raise ValueError("it begins with https://, but for a provider on this computer")
    return text.strip()


def is_safe_address(url: object) -> bool:
    """Whether it is reached by TLS, or stands on this computer."""
    if not isinstance(url, str):
        return False
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    return bool(host) and (parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK))


def roles_of(text: str) -> dict[str, RoleName]:
    """Which role each group of the provider gives. Raises ValueError."""
    try:
        given = json.loads(text)
    except json.JSONDecodeError:
        given = None
    roles: dict[str, RoleName] = {}
    for group, role in given.items() if isinstance(given, dict) else [("", None)]:
        if role not in ("administrator", "user"):
            raise ValueError('it is JSON such as {"orca-admins": "administrator"}')
        roles[group] = role
    return roles


def algorithms_of(text: str) -> list[str]:
    """Raises ValueError."""
    names = text.split()
    if not names or not SIGNING.issuperset(names):
        raise ValueError(f"it is one or more of {', '.join(sorted(SIGNING))}")
    return names


# --- ways in and back ---------------------------------------------------------------------------


def local_path(text: str) -> str:
    """A path of the hub's own pages; `/` for anything that might lead elsewhere."""
    if not text.startswith("/") or text.startswith("//") or len(text) > LONGEST_PATH:
        return "/"
    if "\\" in text or any(ord(one) <= 0x20 or ord(one) == 0x7F for one in text):
        return "/"
    try:
        parts = urlsplit(text)
    except ValueError:
        return "/"
    is_page = not parts.scheme and not parts.netloc and not parts.path.startswith("/api/")
    return text if is_page and text.isascii() else "/"


def challenge_of(verifier: str) -> str:
    """PKCE, S256 (RFC 7636, 4.2)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


# --- tokens -------------------------------------------------------------------------------------


def check_identity(
    claims: Claims, *, issuer: str, client_id: str, nonce: str | None, now_s: float
) -> str:
    """Who the ID token is about (OpenID Connect Core, 3.1.3.7). `nonce` is None for one that
    came with a refresh. Raises BadToken."""
    _check_issued(claims, issuer=issuer, client_id=client_id, now_s=now_s)
    if nonce is not None and not _is(claims.get("nonce"), nonce):
        raise BadToken("its nonce is not the one that was sent")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not _is_line(subject, LONGEST_SUBJECT):
        raise BadToken("it names no subject")
    return subject


def proved_at_s(claims: Claims, now_s: float) -> float | None:
    """When the person last showed the provider who they are, as far as it says so: somebody who is
    only signed in there may have left the computer."""
    said = _seconds(claims.get("auth_time"))
    return min(said, now_s) if said is not None and 0 < said <= now_s + SKEW_S else None


def check_logout(claims: Claims, *, issuer: str, client_id: str, now_s: float) -> str:
    """The id of a logout token (OpenID Connect Back-Channel Logout, 2.6). Raises BadToken."""
    issued = _seconds(claims.get("iat"))
    if "exp" not in claims and issued is not None:  # before 2022 they needed none
        claims = {**claims, "exp": issued + LOGOUT_HOLDS_S}
    _check_issued(claims, issuer=issuer, client_id=client_id, now_s=now_s)
    events, token_id = claims.get("events"), claims.get("jti")
    if not isinstance(events, dict) or not isinstance(events.get(LOGOUT_EVENT), dict):
        raise BadToken("it tells of no logout")
    if "nonce" in claims:
        raise BadToken("it has a nonce, as ID tokens have")
    if not any(_is_line(claims.get(name), LONGEST_SUBJECT) for name in ("sid", "sub")):
        raise BadToken("it names neither a session nor a subject")
    if not isinstance(token_id, str) or not token_id:
        raise BadToken("it has no id of its own")
    return token_id


def _check_issued(claims: Claims, *, issuer: str, client_id: str, now_s: float) -> None:
    if not _is(claims.get("iss"), issuer):
        raise BadToken("another provider issued it")
    audience = claims.get("aud")
    # One that is for others, too, could have been taken from them.
    if audience not in (client_id, [client_id]):
        raise BadToken("it is not for the hub alone")
    if "azp" in claims and not _is(claims["azp"], client_id):
        raise BadToken("it was given to another program")
    expires, issued, begins = (_seconds(claims.get(name)) for name in ("exp", "iat", "nbf"))
    if expires is None or expires + SKEW_S <= now_s:
        raise BadToken("it has expired")
    if issued is None or issued - SKEW_S > now_s:
        raise BadToken("it was issued in the future")
    if "nbf" in claims and (begins is None or begins - SKEW_S > now_s):
        raise BadToken("it does not hold yet")


def check_access_digest(claims: Claims, access_token: str, algorithm: str) -> None:
    """`at_hash`, where there is one, binds both tokens to each other. Raises BadToken."""
    if "at_hash" not in claims:
        return
    digest = hashlib.new(f"sha{algorithm[2:]}", access_token.encode()).digest()
    half = base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()
    if not _is(claims["at_hash"], half):
        raise BadToken("it belongs to another access token")


def _seconds(value: object) -> float | None:
    """None for what is no moment: JSON has numbers that no float holds, and Python reads NaN."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value < LATEST_S else None


def _is(value: object, wanted: str) -> bool:
    return isinstance(value, str) and hmac.compare_digest(_bytes(value), _bytes(wanted))


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def _is_line(value: object, longest: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= longest and value.isprintable()


# --- people -------------------------------------------------------------------------------------


def groups_in(claims: Claims, claim: str) -> Brought:
    """A list, a single name, or names between commas; anything else changes nothing."""
    value = claims.get(claim)
    if value is None:
        return Brought("missing")
    found: Found = "string" if isinstance(value, str) else "list"
    names = value.split(",") if isinstance(value, str) else value
    if not isinstance(names, list) or len(names) > MOST_GROUPS:
        return Brought("odd")
    if isinstance(value, str):
        names = [one.strip() for one in names if one.strip()]
    if not all(_is_line(one, LONGEST_GROUP) for one in names):
        return Brought("odd")
    return Brought(found, tuple(sorted(set(names))))


def role_for(names: tuple[str, ...], roles: Mapping[str, RoleName]) -> RoleName:
    """The highest that any of the groups gives."""
    given = {roles[name] for name in names if name in roles}
    return "administrator" if "administrator" in given else "user"


def name_in(claims: Claims, subject: str) -> str:
    """What an account could be called, in the letters that names may have."""
    for text in (claims.get("preferred_username"), claims.get("email"), subject):
        if isinstance(text, str) and (name := _plain(text)):
            return name
    return f"person-{hashlib.sha256(subject.encode()).hexdigest()[:12]}"


def text_in(claims: Claims, claim: str, longest: int) -> str | None:
    """One line of text, cut to what fits."""
    value = claims.get(claim)
    if not isinstance(value, str):
        return None
    line = " ".join("".join(one if one.isprintable() else " " for one in value).split())
    return line[:longest] or None


def mail_in(claims: Claims) -> str | None:
    """For people to read; nobody is recognised by it."""
    text = text_in(claims, "email", 320)
    return text if text and re.fullmatch(r"[^@\s]+@[^@\s]+", text) else None


def _plain(text: str) -> str:
    normal = unicodedata.normalize("NFKC", text).strip().casefold()
    plain = re.sub(r"[^a-z0-9._@+-]+", "-", normal)[:90]
    return re.sub(r"^[^a-z0-9]+|[^a-z0-9]+$", "", plain)
