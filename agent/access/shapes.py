"""What the routes of access take and give."""

import re
from datetime import datetime
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    Field,
    StrictBool,
    StringConstraints,
    model_validator,
)
from pydantic.json_schema import SkipJsonSchema

from agent.access.rules import Caller, PageSession, Pairing, Token
from agent.shared.clock import rfc3339
from agent.shared.web import In, Out, Scope, left_out

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def _plain(name: str) -> str:
    # The name is shown where somebody decides whether to let a program in.
    if CONTROL.search(name):
        raise ValueError("must not hold control characters")
    return name


Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=80),
    AfterValidator(_plain),
]


class TokenIn(In):
    name: Name
    scopes: list[Scope] = Field(min_length=1, max_length=5)
    expires_at: AwareDatetime | None = None


class CredentialOut(Out):
    """A token, or a page that is signed in; never its secret."""

    id: str
    kind: Literal["token", "session"]
    name: str
    scopes: list[Scope]
    created_at: str
    last_used_at: str | None
    expires_at: str | None


class CredentialsOut(Out):
    items: list[CredentialOut]
    next_cursor: str | None


class TokenOut(CredentialOut):
    """`token` is the secret. It is told this once."""

    token: str


class RotatedOut(Out):
    rotated: bool


class TicketOut(Out):
    """A link that signs one browser in, once, within a minute."""

    url: str
    expires_at: str


class PairingIn(In):
    """`name` starts a pairing; `id` and `secret` ask what has become of it.

    With `session` a confirmed page gets the cookie of a session in place of a token."""

    name: Name | None = None
    id: str | None = Field(default=None, max_length=64)
    secret: str | None = Field(default=None, max_length=200)
    session: StrictBool = False

    @model_validator(mode="after")
    def _one_of_both(self) -> "PairingIn":
        asks = self.id is not None and self.secret is not None
        if asks == (self.name is not None) or (self.id is None) != (self.secret is None):
            raise ValueError("send either name, or id and secret")
        return self


class PairingStarted(Out):
    """Show `code` to the user, and keep `secret`."""

    id: str
    code: str
    secret: str
    expires_at: str
    state: Literal["waiting"]


class PairingAnswer(Out):
    state: Literal["waiting", "confirmed", "refused", "expired"]
    token: str | SkipJsonSchema[None] = left_out()


class PairingWaiting(Out):
    id: str
    name: str
    created_at: str
    expires_at: str


class PairingsOut(Out):
    items: list[PairingWaiting]
    next_cursor: str | None


class CodeIn(In):
    code: str = Field(min_length=1, max_length=20, description="Six digits; spaces do not matter.")


class PairingConfirmed(Out):
    state: Literal["confirmed"]


class SessionOut(Out):
    kind: Literal["token", "session"]
    name: str
    scopes: list[Scope]
    expires_at: str | None


def credential(known: Token | PageSession) -> dict[str, object]:
    return {
        "id": known.id,
        "kind": "token" if isinstance(known, Token) else "session",
        "name": known.name,
        "scopes": list(known.scopes),
        "created_at": rfc3339(known.created_at),
        "last_used_at": _time(known.last_used_at),
        "expires_at": _time(known.expires_at),
    }


def waiting(pairing: Pairing) -> dict[str, object]:
    return {
        "id": pairing.id,
        "name": pairing.name,
        "created_at": rfc3339(pairing.created_at),
        "expires_at": rfc3339(pairing.ends_at),
    }


def session(caller: Caller) -> dict[str, object]:
    return {
        "kind": caller.kind,
        "name": caller.name,
        "scopes": sorted(caller.scopes),
        "expires_at": _time(caller.expires_at),
    }


def _time(moment: datetime | None) -> str | None:
    return rfc3339(moment) if moment else None
