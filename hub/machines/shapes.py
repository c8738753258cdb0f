"""What the routes of tokens and machines take and say."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from agent.shared.web import In, Out, Page
from hub.machines.store import Row

Secret = Annotated[str, Field(min_length=1, max_length=200)]
Name = Annotated[str, Field(max_length=200, description="1 to 100 letters, digits and signs.")]


class RefreshIn(In):
    refresh_token: Secret


class TokensOut(Out):
    """Said once. `expires_in` is of the access token, in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int
    token_type: Literal["Bearer"]


class AuthorizeQuery(BaseModel):
    """What an agent's browser brings (RFC 6749, 4.1.1). Unknown words are ignored, as OAuth
    wants."""

    model_config = ConfigDict(extra="ignore", defer_build=True)

    response_type: Annotated[str, Field(max_length=50)] = ""
    client_id: Annotated[str, Field(max_length=100)] = ""
    redirect_uri: Annotated[str, Field(max_length=500)] = ""
    code_challenge: Annotated[str, Field(max_length=200)] = ""
    code_challenge_method: Annotated[str, Field(max_length=50)] = ""
    state: Annotated[str, Field(max_length=1000)] = ""
    machine_name: Name = ""


class ApproveIn(AuthorizeQuery):
    """The same as the page got it, and somebody's answer."""

    allow: StrictBool = True


class ApproveOut(Out):
    redirect_to: str


class TokenIn(BaseModel):
    """A code for tokens (RFC 6749, 4.1.3), as a form or JSON."""

    model_config = ConfigDict(extra="ignore", defer_build=True)

    grant_type: Annotated[str, Field(max_length=100)]
    code: Secret
    code_verifier: Secret
    redirect_uri: Annotated[str, Field(max_length=500)]


class DeviceIn(In):
    machine_name: Name


class DeviceOut(Out):
    """Show the user code and the address; ask with the device code every `interval` seconds."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: int
    interval: int


class UserCodeIn(In):
    user_code: Annotated[str, Field(min_length=1, max_length=20)]


class AnswerIn(UserCodeIn):
    allow: StrictBool


class LookOut(Out):
    """The machine that shows a code, so that nobody lets a stranger's in."""

    machine_name: str
    address: str
    program: str
    created_at: str


class DeviceTokenIn(BaseModel):
    """RFC 8628, 3.4, as a form or JSON."""

    model_config = ConfigDict(extra="ignore", defer_build=True)

    device_code: Secret
    grant_type: Annotated[str, Field(max_length=100)] = ""


class MachineRef(Out):
    id: str
    name: str


class ConnectedOut(TokensOut):
    machine: MachineRef


class OAuthProblem(Out):
    """As RFC 6749, 5.2 and RFC 8628, 3.5 say it."""

    error: str
    error_description: str


class MachineQuery(Page):
    all: bool = False


class MachineChange(In):
    name: Name


class MachineOut(Out):
    """`version`, `os` and `address` are as the agent last said."""

    id: str
    name: str
    owner: str
    owner_id: str
    version: str
    os: str
    address: str
    created_at: str
    last_seen_at: str


class MachinesOut(Out):
    items: list[MachineOut]
    next_cursor: str | None


def machine(row: Row) -> dict[str, object]:
    renamed = {"owner_id": "account_id", "last_seen_at": "seen_at"}
    return {name: row[renamed.get(name, name)] for name in MachineOut.model_fields}


def look(row: Row) -> dict[str, object]:
    return {name: row[name] for name in LookOut.model_fields}
