"""What the routes of signing in take and say."""

from typing import Annotated, Literal

from pydantic import AliasChoices, Field

from agent.shared.web import In, Out
from hub.access import Principal
from hub.identity.store import Row
from hub.identity.tokens import Pair

Text = Annotated[str, Field(max_length=1000)]
Code = Annotated[str, Field(max_length=50)]


class LoginIn(In):
    """`totp`: the six digits of an app, or one of the codes for when it is lost. The account's
    `username` may be called `name`, too, as it is where accounts are made."""

    username: Annotated[Text, Field(validation_alias=AliasChoices("username", "name"))]
    password: Text
    totp: Code = ""


class PairOut(Out):
    """Said once. `expires_in` is of the access token, in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int
    token_type: Literal["Bearer"]


class FirstIn(In):
    """The first Administrator, by the link that the first start prints."""

    link: Text
    name: Text
    password: Text
    display_name: Annotated[str, Field(max_length=200)] = ""


class PasswordIn(In):
    old: Text
    new: Text


class ProofIn(In):
    password: Text


class LinkedIn(In):
    """A password of one's own choice, by the link of an Administrator."""

    link: Text
    password: Text


class TotpOut(Out):
    """What an app is set up with: `secret` to type, `uri` and `svg` to read from a picture."""

    secret: str
    uri: str
    svg: str


class CodeIn(In):
    code: Code


class CodesOut(Out):
    """Each lets its owner in once when the app is lost. Said once."""

    recovery_codes: list[str]


class MeOut(Out):
    """`recovery_codes_left`: those on paper that are not used yet; null without a second step."""

    id: str
    name: str
    display_name: str
    email: str | None
    role: Literal["administrator", "user"]
    groups: list[str]
    means: str
    must_change: bool
    has_totp: bool
    recovery_codes_left: int | None


class SessionOut(Out):
    id: str
    method: str
    created_at: str
    seen_at: str
    ends_at: str
    address: str
    program: str
    is_this: bool


class SessionsOut(Out):
    items: list[SessionOut]
    next_cursor: str | None


def pair(issued: Pair) -> dict[str, object]:
    return {
        "access_token": issued.access_token,
        "refresh_token": issued.refresh_token,
        "expires_in": issued.expires_in,
        "token_type": "Bearer",
    }


def me(who: Principal, codes_left: int | None) -> dict[str, object]:
    """Asked often: of what is known anyway, but for the codes of those who have some."""
    return {
        "id": who.account_id,
        "name": who.name,
        "role": who.role,
        "groups": list(who.groups),
        "means": who.means,
        "must_change": who.must_change,
        **{name: who.profile[name] for name in ("display_name", "email", "has_totp")},
        "recovery_codes_left": codes_left,
    }


def sessions(rows: list[Row], this: str) -> dict[str, object]:
    items = [
        {
            **{name: row[name] for name in SessionOut.model_fields if name != "is_this"},
            "is_this": row["id"] == this,
        }
        for row in rows
    ]
    return {"items": items, "next_cursor": None}
