"""What the routes of providers take and say."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from agent.shared.web import In, Out
from hub.oidc.store import Row

Said = Annotated[str, Field(max_length=4096)]
RoleName = Literal["administrator", "user"]


class IdentityProviderOut(Out):
    """The button of the sign-in page."""

    name: str
    url: str


class MethodsOut(Out):
    """How one can sign in here. `is_first`: there is no Administrator yet. `is_signed_in`: this
    browser needs none of it. `is_emergency_only`: with a name and a password only the accounts
    get in that are kept for an emergency."""

    local: bool
    is_emergency_only: bool
    oidc: IdentityProviderOut | None
    is_first: bool
    is_signed_in: bool


class LoginQuery(In):
    """`next` is a path of the hub's pages. `fresh`: the provider is to ask who it is, unless it did
    so in the last ten minutes."""

    next: str = "/"
    fresh: bool = False


class CallbackQuery(BaseModel):
    """Providers add what they like."""

    model_config = ConfigDict(extra="ignore", defer_build=True)

    state: Said = ""
    code: Said = ""
    error: Said = ""
    iss: Said | None = None


class SignedOutOut(Out):
    """Where to go for signing out at the provider, too."""

    redirect_to: str | None


class BackchannelIn(BaseModel):
    """Providers may add what they like (OpenID Connect Back-Channel Logout, 2.5)."""

    model_config = ConfigDict(extra="ignore", defer_build=True)

    logout_token: str


class LoginOut(Out):
    """What a sign-in brought. `found` says in which form the claim came; `problem` why somebody
    was not let in, or why nothing was changed."""

    id: str
    at: str
    kind: Literal["login", "refresh"]
    account_id: str | None
    account: str | None
    subject: str
    claim: str
    found: Literal["list", "string", "missing", "odd"]
    groups: list[str]
    role_before: RoleName | None
    role: RoleName | None
    problem: str | None


class LoginsOut(Out):
    items: list[LoginOut]
    next_cursor: str | None


def logins(rows: list[Row]) -> dict[str, object]:
    items = [{name: row[name] for name in LoginOut.model_fields} for row in rows]
    return {"items": items, "next_cursor": None}
