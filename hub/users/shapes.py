"""What the routes of people take and say."""

from typing import Annotated, Literal

from pydantic import Field, StrictBool

from agent.shared.web import In, Out, Page
from hub.users.store import Row

RoleName = Literal["administrator", "user"]
Shown = Annotated[str, Field(min_length=1, max_length=200)]
Mail = Annotated[str, Field(max_length=320, pattern=r"^[^@\s]+@[^@\s]+$")]


class UserIn(In):
    name: Annotated[str, Field(max_length=1000)]
    password: Annotated[str, Field(max_length=1000)] | None = None
    role: RoleName = "user"
    display_name: Annotated[str, Field(max_length=200)] = ""
    email: Mail | None = None


class UserChange(In):
    role: RoleName | None = None
    is_active: StrictBool | None = None
    display_name: Shown | None = None
    email: Mail | None = None


class SelfChange(In):
    display_name: Shown | None = None
    email: Mail | None = None


class ResetIn(In):
    password: Annotated[str, Field(max_length=1000)] | None = None


class LinkOut(Out):
    """Said once."""

    link: str
    expires_at: str


class UserQuery(Page):
    q: Annotated[str, Field(max_length=200)] = ""


class UserOut(Out):
    id: str
    name: str
    display_name: str
    email: str | None
    role: RoleName
    role_from: str
    is_active: bool
    is_break_glass: bool
    has_password: bool
    has_totp: bool
    groups: list[str]
    created_at: str
    last_login_at: str | None


class UsersOut(Out):
    items: list[UserOut]
    next_cursor: str | None


def said(asked: UserChange | SelfChange) -> dict[str, object]:
    """What is to change. An address can be taken away; what else is null stays as it is."""
    values = asked.model_dump(exclude_unset=True)
    return {name: value for name, value in values.items() if value is not None or name == "email"}


def user(row: Row) -> dict[str, object]:
    computed = {
        "has_password": row["password_hash"] is not None,
        "has_totp": row["totp_sealed"] is not None,
    }
    return {
        name: computed[name] if name in computed else row[name] for name in UserOut.model_fields
    }
