"""An account as whoever sends a request: with its groups, and the role that they give."""

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from hub.access import Means, Principal
from hub.users.store import Accounts, Row

PROFILE = ("display_name", "email", "is_break_glass")


async def principal(
    connection: AsyncConnection,
    account_id: str,
    means: Means,
    means_id: str,
    scopes: Iterable[str] = (),
) -> Principal | None:
    """None if there is no such account, or it is switched off."""
    account = await Accounts(connection).find(account_id)
    if account is None or not account["is_active"]:
        return None
    return principal_of(account, means, means_id, scopes)


def principal_of(
    account: Row, means: Means, means_id: str, scopes: Iterable[str] = ()
) -> Principal:
    """`account` as Accounts finds it. One who is in a group of Administrators is one."""
    roles = (account["role"], account["group_role"])
    profile: Mapping[str, Any] = {  # Any: a row's values
        **{name: account[name] for name in PROFILE},
        "has_totp": account["totp_sealed"] is not None,
    }
    return Principal(
        account_id=account["id"],
        name=account["name"],
        role="administrator" if "administrator" in roles else "user",
        means=means,
        means_id=means_id,
        groups=tuple(account["groups"]),
        scopes=frozenset(scopes),
        must_change=bool(account["must_change"]),
        profile=profile,
    )
