"""Whom a provider vouches for: their accounts, groups and roles."""

import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.clock import Clock, NewId, rfc3339
from agent.shared.errors import Denied
from hub.audit.service import AuditService
from hub.groups.service import GroupService
from hub.identity.revocations import Revocations
from hub.oidc.rules import (
    Brought,
    Claims,
    RoleName,
    groups_in,
    mail_in,
    name_in,
    role_for,
    text_in,
)
from hub.oidc.store import Identities, Logins
from hub.users.store import Accounts, Row, account_row
from hub.users.weighing import Weighing

KEPT_CLAIMS = ("preferred_username", "name", "email", "email_verified")
SOURCE: Literal["oidc"] = "oidc"
MISSING = "The groups are missing: nothing was changed."
ODD = "The groups are in a form that cannot be read: nothing was changed."
LAST = "This is the last Administrator: nothing was changed."
BREAK_GLASS = "A break-glass account: nothing was changed."
ALERTS = {
    MISSING: "login.groups-missing",
    ODD: "login.groups-missing",
    LAST: "login.groups-kept",
}
UNCLEAR = ALERTS[MISSING]
TRIES = 100  # names for somebody new whose name is taken

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class RoleMapping:
    """How groups give roles, by the settings."""

    claim: str
    roles: Mapping[str, RoleName]
    links_external_id: bool


@dataclass(frozen=True, slots=True)
class Known:
    """The account of somebody who was vouched for, and whom `revocations.tell` wants."""

    account: Row
    moved: frozenset[str]


class Vouched:
    """Somebody is recognised by the provider and the subject alone: never by name or e-mail."""

    def __init__(
        self,
        mapping: RoleMapping,
        groups: GroupService,
        revocations: Revocations,
        audit: AuditService,
        clock: Clock,
        new_id: NewId,
    ) -> None:
        self._mapping, self._groups, self._revocations = mapping, groups, revocations
        self._audit, self._clock, self._new_id = audit, clock, new_id
        self.unclear: Counter[str] = Counter()  # sign-ins by how their groups came

    @property
    def claim(self) -> str:
        return self._mapping.claim

    async def let_in(
        self, connection: AsyncConnection, issuer: str, subject: str, claims: Claims
    ) -> Known:
        """The account as the provider says it is now. Raises Denied `account-off`."""
        weighing = await Weighing.begin(connection)
        account = await self._account(connection, issuer, subject, claims)
        if not account["is_active"]:
            raise Denied("account-off", "This account is switched off. Ask an Administrator.")
        await self._profile(connection, account, claims)
        brought = groups_in(claims, self.claim)
        problem = await self._map(connection, account, brought)
        moved = await weighing.end(self._revocations)
        await self.note_login(connection, "login", account, subject, brought, problem)
        if not brought.is_known:
            self.unclear[brought.found] += 1
            log.warning(
                "The claim %s of a sign-in is %s: its groups and role stay as they were. See the "
                "list of sign-ins.",
                self.claim,
                brought.found,
            )
        if problem in ALERTS:
            await self._audit.note(
                connection,
                ALERTS[problem],
                account["name"],
                outcome="refused",
                actor_name=account["name"],
                claim=self.claim,
                found=brought.found,
            )
        now = await Accounts(connection).find(account["id"]) or account
        return Known(now, frozenset(moved))

    async def look_again(
        self, connection: AsyncConnection, account: Row, subject: str, claims: Claims
    ) -> frozenset[str]:
        """What a refresh says of groups; nothing where it says nothing. Whose role changes signs
        in anew."""
        brought = groups_in(claims, self.claim)
        if not brought.is_known or not await self._differs(connection, account, brought):
            return frozenset()
        weighing = await Weighing.begin(connection)
        problem = await self._map(connection, account, brought)
        moved = await weighing.end(self._revocations)
        await self.note_login(connection, "refresh", account, subject, brought, problem)
        await self._audit.note(
            connection,
            "user.change",
            account["name"],
            actor_name="provider",
            groups=list(brought.names),
        )
        return frozenset({account["id"], *moved})

    async def note_login(
        self,
        connection: AsyncConnection,
        kind: str,
        account: Row | None,
        subject: str,
        brought: Brought,
        problem: str | None,
    ) -> None:
        """For the list that an Administrator reads."""
        after = account and await Accounts(connection).find(account["id"])
        await Logins(connection).add(
            {
                "id": self._new_id(),
                "at": rfc3339(self._clock()),
                "kind": kind,
                "account_id": account["id"] if account else None,
                "account": account["name"] if account else None,
                "subject": subject,
                "claim": self.claim,
                "found": brought.found,
                "groups": list(brought.names),
                "role_before": account["role"] if account else None,
                "role": after["role"] if after else None,
                "problem": problem,
            }
        )

    # --- accounts -------------------------------------------------------------------------------

    async def _account(
        self, connection: AsyncConnection, issuer: str, subject: str, claims: Claims
    ) -> Row:
        now = rfc3339(self._clock())
        kept = {name: text for name in KEPT_CLAIMS if (text := _kept(claims, name)) is not None}
        identities = Identities(connection)
        account = await identities.account(issuer, subject)
        if account is not None:
            seen = {"claims": kept, "seen_at": now, "checked_at": now, "gone_at": None}
            await identities.seen(issuer, subject, seen)
            return account
        account = await self._provisioned(connection, issuer, subject)
        if account is None:
            account = await self._new_account(connection, claims, subject, now)
        await identities.add(
            {
                "iss": issuer,
                "sub": subject,
                "account_id": account["id"],
                "claims": kept,
                "seen_at": now,
                "checked_at": now,
                "gone_at": None,
            }
        )
        return account

    async def _provisioned(
        self, connection: AsyncConnection, issuer: str, subject: str
    ) -> Row | None:
        """The account that the provider made by SCIM, with its own unchanging id of the person,
        which Okta sends as the subject, too."""
        if not self._mapping.links_external_id:
            return None
        account = await Identities(connection).provisioned(subject)
        if account is None or account["is_break_glass"]:
            return None
        is_taken = await Identities(connection).subjects_of(account["id"], issuer)
        return None if is_taken else account

    async def _new_account(
        self, connection: AsyncConnection, claims: Claims, subject: str, now: str
    ) -> Row:
        """With a name that is free: the one of somebody else is never taken over."""
        accounts, wanted = Accounts(connection), name_in(claims, subject)
        names = [wanted, *(f"{wanted}-{number}" for number in range(2, TRIES))]
        names.append(f"{wanted}-{self._new_id()[-8:]}")
        name = names[-1]
        for one in names:
            if await accounts.named(one) is None:
                name = one
                break
        row = account_row(
            self._new_id(),
            name,
            now,
            display_name=text_in(claims, "name", 200) or name,
            email=mail_in(claims),
            role_from=SOURCE,
        )
        await accounts.add(row)
        await self._audit.note(connection, "user.add", name, actor_name="provider", role="user")
        return row

    async def _profile(self, connection: AsyncConnection, account: Row, claims: Claims) -> None:
        now = rfc3339(self._clock())
        change: dict[str, object] = {"last_login_at": now}
        if not account["is_break_glass"]:
            shown, mail = text_in(claims, "name", 200), mail_in(claims)
            change |= {"display_name": shown} if shown else {}
            change |= {"email": mail} if mail else {}
        await Accounts(connection).change(account["id"], change)

    # --- groups ---------------------------------------------------------------------------------

    async def _map(self, connection: AsyncConnection, account: Row, brought: Brought) -> str | None:
        """Groups and role as they were brought. Says why nothing was changed, where it was not."""
        if account["is_break_glass"]:
            return BREAK_GLASS
        if not brought.is_known:
            return MISSING if brought.found == "missing" else ODD
        role = role_for(brought.names, self._mapping.roles)
        if role == "user" and await Accounts(connection).administrators() == {account["id"]}:
            return LAST
        await self._groups.set_from(connection, account["id"], SOURCE, brought.names)
        await Accounts(connection).change(
            account["id"],
            {"role": role, "role_from": SOURCE, "updated_at": rfc3339(self._clock())},
        )
        return None

    async def _differs(self, connection: AsyncConnection, account: Row, brought: Brought) -> bool:
        if account["is_break_glass"]:
            return False
        same = await self._groups.is_as(connection, account["id"], SOURCE, brought.names)
        return not same or account["role"] != role_for(brought.names, self._mapping.roles)


def _kept(claims: Claims, name: str) -> object:
    value = claims.get(name)
    return value if isinstance(value, bool) else text_in(claims, name, 320)
