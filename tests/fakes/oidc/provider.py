"""A provider of OpenID Connect that does as it should, until it is told to misbehave."""

import asyncio
import base64
import hashlib
import json
import secrets
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import quote_plus, urlencode

from hypercorn.asyncio import serve
from hypercorn.config import Config
from joserfc import jws
from joserfc.jwk import ECKey, KeySet, RSAKey
from joserfc.jws import JWSRegistry
from quart import Quart, Response, jsonify, redirect, request
from werkzeug.wrappers import Response as Redirect

from agent.shared.clock import Clock
from agent.shared.tasks import running

CLIENT, SECRET = "orca-hub", "a secret: with/odd+letters"
Claims = dict[str, Any]  # Any: JSON
HOLDS_S = 3600


@cache
def key(name: str) -> RSAKey | ECKey:
    """One for each name, made once; of an elliptic curve if the name says so."""
    if name.startswith("curve"):
        return ECKey.generate_key("P-256", {"kid": name, "use": "sig"})
    return RSAKey.generate_key(2048, {"kid": name, "use": "sig"})


def signed(claims: Claims, with_key: RSAKey | ECKey, **header: Any) -> str:  # Any: JSON
    """A token as a provider makes one; `header` changes what stands above."""
    whole = {"alg": "RS256", "kid": with_key.kid, "typ": "JWT", **header}
    whole = {name: value for name, value in whole.items() if value is not None}
    registry = JWSRegistry(algorithms=[whole["alg"]], strict_check_header=False)
    return jws.serialize_compact(whole, json.dumps(claims), with_key, registry=registry)


def _set_event() -> asyncio.Event:
    event = asyncio.Event()
    event.set()
    return event


@dataclass(slots=True)
class Code:
    """What a sign-in was begun with."""

    subject: str
    nonce: str
    challenge: str
    redirect_uri: str


@dataclass(slots=True)
class FakeProvider:
    """`people`: the claims of each subject. Whoever comes to the page is `present`."""

    clock: Clock
    issuer: str = ""
    people: dict[str, Claims] = field(default_factory=dict)
    present: str = "alice"
    keys: list[str] = field(default_factory=lambda: ["first"])
    asked: Counter[str] = field(default_factory=Counter)
    codes: dict[str, Code] = field(default_factory=dict)
    grants: dict[str, str] = field(default_factory=dict)  # refresh tokens and their subjects
    used_grants: set[str] = field(default_factory=set)
    revoked: list[str] = field(default_factory=list)
    # --- how it misbehaves
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    change: Claims = field(default_factory=dict)  # of the claims; None takes one away
    sign: Callable[[Claims], str] | None = None
    says_issuer: str | None = None  # in the redirect
    gives_refresh: bool = True
    gives_identity_again: bool = True
    loses_answers: bool = False  # of the token endpoint, after it has done its work
    userinfo: Claims | None = None
    metadata: Claims = field(default_factory=dict)
    answers: asyncio.Event = field(default_factory=_set_event)
    waits_at_last: bool = False  # for `answers`: with a token, after it has done its work
    is_asked: asyncio.Event = field(default_factory=asyncio.Event)

    def behaves(self) -> None:
        """From now on."""
        fresh = FakeProvider(self.clock)
        for name in (
            "status", "headers", "change", "sign", "says_issuer", "gives_refresh",
            "gives_identity_again", "loses_answers", "userinfo", "metadata", "keys", "present",
        ):  # fmt: skip
            setattr(self, name, getattr(fresh, name))

    def claims(self, subject: str, nonce: str | None = None) -> Claims:
        now = int(self.clock().timestamp())
        claims = {
            "iss": self.issuer,
            "sub": subject,
            "aud": CLIENT,
            "iat": now,
            "exp": now + HOLDS_S,
            "auth_time": now,
            "sid": f"sid-{subject}",
            **({"nonce": nonce} if nonce else {}),
            **self.people.get(subject, {}),
            **self.change,
        }
        return {name: value for name, value in claims.items() if value is not None}

    def identity(self, subject: str, nonce: str | None = None) -> str:
        """An ID token, or whatever is sent in its place."""
        claims = self.claims(subject, nonce)
        return self.sign(claims) if self.sign else signed(claims, key(self.keys[0]))

    def logout_token(self, **claims: Any) -> str:  # Any: JSON
        """As a provider sends it when somebody signs out elsewhere."""
        now = int(self.clock().timestamp())
        event: Claims = {"http://schemas.openid.net/event/backchannel-logout": {}}
        whole = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 120,
            "jti": secrets.token_hex(8),
            "events": event,
            **claims,
        }
        whole = {name: value for name, value in whole.items() if value is not None}
        return signed(whole, key(self.keys[0]), typ="logout+jwt")

    # --- what it answers ------------------------------------------------------------------------

    def describe(self) -> Claims:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "revocation_endpoint": f"{self.issuer}/revoke",
            "end_session_endpoint": f"{self.issuer}/logout",
            "authorization_response_iss_parameter_supported": True,
            **self.metadata,
        }

    def shown_keys(self) -> Claims:
        return KeySet([key(name) for name in self.keys]).as_dict(private=False)  # type: ignore[return-value] # a mapping

    def authorize(self) -> Redirect:
        asked = request.args
        code = secrets.token_urlsafe(16)
        self.codes[code] = Code(
            self.present, asked["nonce"], asked["code_challenge"], asked["redirect_uri"]
        )
        query = {"code": code, "state": asked["state"], "iss": self.says_issuer or self.issuer}
        return redirect(f"{asked['redirect_uri']}?{urlencode(query)}")

    async def token(self) -> tuple[Claims, int]:
        form = await request.form
        wanted = base64.b64encode(f"{CLIENT}:{quote_plus(SECRET)}".encode()).decode()
        if request.headers.get("Authorization") != f"Basic {wanted}":
            return {"error": "invalid_client"}, 401
        if form["grant_type"] == "refresh_token":
            self.asked["refresh"] += 1
            answer = self._refreshed(form["refresh_token"])
            await self.answers.wait()
            return ({"error": "server_error"}, 502) if self.loses_answers else answer
        code = self.codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if not code or code.challenge != challenge or code.redirect_uri != form["redirect_uri"]:
            return {"error": "invalid_grant"}, 400
        return self._grant(code.subject, code.nonce), 200

    def _refreshed(self, token: str) -> tuple[Claims, int]:
        subject = self.grants.pop(token, None)
        if subject is None:
            if token in self.used_grants:  # somebody has a copy
                self.grants.clear()
            return {"error": "invalid_grant"}, 400
        self.used_grants.add(token)
        answer = self._grant(subject, None)
        if not self.gives_identity_again:
            del answer["id_token"]
        return answer, 200

    def _grant(self, subject: str, nonce: str | None) -> Claims:
        answer: Claims = {
            "access_token": f"access-{subject}",
            "token_type": "Bearer",
            "expires_in": 300,
            "id_token": self.identity(subject, nonce),
        }
        if self.gives_refresh:
            answer["refresh_token"] = secrets.token_urlsafe(24)
            self.grants[answer["refresh_token"]] = subject
        return answer


def app_of(provider: FakeProvider) -> Quart:
    app = Quart("provider")

    @app.before_request
    async def misbehave() -> Response | None:
        provider.asked[request.path] += 1
        provider.is_asked.set()
        if not provider.waits_at_last:
            await provider.answers.wait()
        if provider.status == 200 or request.path == "/authorize":
            return None
        return Response("<html>away", provider.status, provider.headers)

    @app.get("/.well-known/openid-configuration")
    async def describe() -> Response:
        return jsonify(provider.describe())

    @app.get("/keys")
    async def keys() -> Response:
        return jsonify(provider.shown_keys())

    @app.get("/authorize")
    async def authorize() -> Redirect:
        return provider.authorize()

    @app.post("/token")
    async def token() -> tuple[Claims, int]:
        return await provider.token()

    @app.get("/userinfo")
    async def userinfo() -> Response:
        subject = request.headers["Authorization"].removeprefix("Bearer access-")
        return jsonify(provider.userinfo or {"sub": subject})

    @app.post("/revoke")
    async def revoke() -> Response:
        form = await request.form
        provider.revoked.append(form["token"])
        provider.grants.pop(form["token"], None)
        return Response(status=200)

    return app


@asynccontextmanager
async def fake_provider(clock: Clock) -> AsyncIterator[FakeProvider]:
    """One on a free port of this computer."""
    stop = asyncio.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        provider = FakeProvider(clock, f"http://127.0.0.1:{listener.getsockname()[1]}")
        config = Config()
        config.bind = [f"fd://{listener.detach()}"]
        config.accesslog = config.errorlog = None
        config.graceful_timeout = 0.1
        server = serve(app_of(provider), config, shutdown_trigger=stop.wait)
        async with running(server=server):
            yield provider
            stop.set()
