"""What the routes of signing in take and say."""

from typing import Literal

from agent.shared.web import In, Out
from hub.access import Principal
from hub.identity.store import Row


class LoginIn(In):
    username: str
    password: str
    totp: str = ""


class FirstIn(In):
    """The first Administrator, by the link that the first start prints."""

    link: str
    name: str
    password: str
    display_name: str = ""


class PasswordIn(In):
    old: str
    new: str


class MeOut(Out):
    id: str
    name: str
    display_name: str
    email: str | None
    role: Literal["administrator", "user"]
    groups: list[str]
    means: str
    must_change: bool
    has_totp: bool


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


def me(who: Principal, account: Row) -> dict[str, object]:
    return {
        "id": account["id"],
        "name": account["name"],
        "display_name": account["display_name"],
        "email": account["email"],
        "role": who.role,
        "groups": list(who.groups),
        "means": who.means,
        "must_change": account["must_change"],
        "has_totp": account["totp_sealed"] is not None,
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
