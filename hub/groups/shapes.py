"""What the routes of groups take and say."""

from typing import Annotated, Literal

from pydantic import Field

from agent.shared.web import In, Out, Page
from hub.groups.service import Group

RoleName = Literal["administrator", "user"]
Name = Annotated[str, Field(min_length=1, max_length=200)]


class GroupIn(In):
    """`role`: what everybody in it may do, beside what they may do themselves."""

    name: Name
    role: RoleName | None = None


class GroupChange(In):
    name: Name | None = None
    role: RoleName | None = None


class GroupQuery(Page):
    q: Annotated[str, Field(max_length=200)] = ""


class GroupOut(Out):
    """`members`: the ids of the accounts in it."""

    id: str
    name: str
    role: RoleName | None
    source: Literal["local", "oidc", "scim"]
    external_id: str | None
    members: list[str]
    created_at: str
    updated_at: str


class GroupsOut(Out):
    items: list[GroupOut]
    next_cursor: str | None


def group(one: Group) -> dict[str, object]:
    kept = {name: one.row[name] for name in GroupOut.model_fields if name != "members"}
    return {**kept, "members": one.members}
