"""What the routes of providers take and say."""

from agent.shared.web import Out


class ProviderOut(Out):
    """The button of the sign-in page."""

    name: str
    url: str


class MethodsOut(Out):
    """How one can sign in here. `is_first`: there is no Administrator yet."""

    local: bool
    oidc: ProviderOut | None
    is_first: bool
