"""Where programs get their tokens, as far as signing in needs to know."""

from dataclasses import dataclass
from typing import Literal, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from hub.identity.sessions import From
from hub.identity.store import Row


class Pair(Protocol):
    """What a program comes in with from now on; `expires_in` in seconds."""

    @property
    def access_token(self) -> str: ...

    @property
    def refresh_token(self) -> str: ...

    @property
    def expires_in(self) -> int: ...


class Tokens(Protocol):
    """Gives programs a way in."""

    async def issue(
        self,
        account: Row,
        kind: Literal["person", "machine"] = "person",
        *,
        whence: From,
        connection: AsyncConnection,
    ) -> Pair:
        """The first of a new family of tokens, for somebody who has proved who it is."""

    async def end(self, account_id: str, family_id: str) -> None:
        """One family, at once."""

    async def proved_at(self, connection: AsyncConnection, family_id: str) -> str | None:
        """When the owner of a family last proved who they are."""

    async def prove(self, connection: AsyncConnection, family_id: str, at: str) -> None:
        """They have just done so."""

    async def end_programs(
        self, connection: AsyncConnection, account_id: str, *, but: str = ""
    ) -> None:
        """All families of programs that signed in by themselves, but one. Machines stay."""


@dataclass(slots=True)
class TokenSeam:
    """Where the area of tokens puts itself in, so that signing in can give some."""

    issuer: Tokens | None = None
