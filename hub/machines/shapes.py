"""What the routes of tokens and machines take and say."""

from typing import Annotated, Literal

from pydantic import Field

from agent.shared.web import In, Out

Secret = Annotated[str, Field(min_length=1, max_length=200)]


class RefreshIn(In):
    refresh_token: Secret


class PairOut(Out):
    """Said once. `expires_in` is of the access token, in seconds."""

    access_token: str
    refresh_token: str
    expires_in: int
    token_type: Literal["Bearer"]
