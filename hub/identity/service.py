"""Local accounts: signing in with name, password and a one-time code."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.shared.clock import Clock, NewId, NewSecret, rfc3339
from agent.shared.databases import Databases
from agent.shared.errors import Conflict, Gone, Invalid, Unauthenticated
from hub import locks
from hub.access import Principal, Role
from hub.audit.service import AuditService
from hub.identity.facts import Facts
from hub.identity.guessing import Attempt, Guesses
from hub.identity.known_browsers import KnownBrowsers
from hub.identity.passwords import Passwords
from hub.identity.principals import principal_of
from hub.identity.proving import Proving
from hub.identity.recovery_store import Recovery
from hub.identity.revocations import Revocations, hashed
from hub.identity.rules import (
    LocalLogin,
    check_password,
    login_name,
    may_use_password,
    normal_password,
)
from hub.identity.second_step import SecondStep
from hub.identity.sessions import From, Opened, SessionService
from hub.identity.store import Row, Sessions
from hub.identity.tokens import Pair, TokenSeam
from hub.sealing import Seal
from hub.users.store import Accounts, account_row

log = logging.getLogger(__name__)

FIRST_LINK = "first-administrator"
WRONG = "The name or the password is wrong."
LINK_HOLDS = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class NewAccount:
    """An account that somebody makes. Without a password only a provider lets its owner in."""

    name: str
    password: str | None
    role: Role = "user"
    display_name: str = ""
    email: str | None = None
    is_break_glass: bool = False
    must_change: bool = False


@dataclass(frozen=True, slots=True)
class Keys:
    """What somebody signs in with. `code`: of an app, or from paper."""

    name: str
    password: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """With which somebody chooses a password, once. The secret is said once."""

    secret: str
    ends_at: str


@dataclass(frozen=True, slots=True)
class Doors:
    """What local accounts are let in by."""

    passwords: Passwords
    guesses: Guesses
    second_step: SecondStep
    known: KnownBrowsers
    proving: Proving
    sessions: SessionService
    tokens: TokenSeam
    revocations: Revocations
    local_login: LocalLogin


class LocalAccounts:
    """Makes them, lets them in, and slows down who guesses."""

    def __init__(
        self,
        database: Databases,
        doors: Doors,
        audit: AuditService,
        seal: Seal,
        clock: Clock,
        new_id: NewId,
        new_secret: NewSecret,
    ) -> None:
        self._database, self._doors, self._audit, self._seal = database, doors, audit, seal
        self._clock, self._new_id, self._new_secret = clock, new_id, new_secret

    async def add(self, new: NewAccount, *, actor_name: str = "command line") -> Row:
        """Raises Invalid for the name or password, Conflict `name-taken`."""
        row = await self._row(new)
        async with self._database.writing() as connection:
            await self._add(connection, row, actor_name)
        return row

    async def _row(self, new: NewAccount) -> Row:
        name = _checked(lambda: login_name(new.name), "bad-name")
        return account_row(
            self._new_id(),
            name,
            rfc3339(self._clock()),
            display_name=new.display_name or name,
            email=new.email,
            role=new.role,
            is_break_glass=new.is_break_glass,
            password_hash=None if new.password is None else await self._hashed(new.password, name),
            must_change=new.must_change,
        )

    async def _add(self, connection: AsyncConnection, row: Row, actor_name: str) -> None:
        name = row["name"]
        if not await Accounts(connection).add_named(row):
            raise Conflict("name-taken", f"There is an account called {name} already.")
        await self._audit.note(
            connection, "user.add", name, actor_name=actor_name, role=row["role"]
        )

    # --- signing in -----------------------------------------------------------------------------

    async def login(self, name: str, password: str, code: str, whence: From) -> Opened:
        """A session for whoever knows all of it.

        Raises Unauthenticated `wrong-login` or `code-wanted`, and TooMany `too-many-logins`."""
        account, attempt = await self._prove(Keys(name, password, code), whence)
        row, opened = self._doors.sessions.opened(account["id"], "local", whence)
        async with self._database.writing() as connection:
            await self._still_fits(connection, account)
            await Sessions(connection).add(row)
            who = principal_of(account, "session", opened.id)
            await self._welcome(connection, who, attempt)
        return opened

    async def login_program(
        self, name: str, password: str, code: str, whence: From
    ) -> Pair | Opened:
        """Tokens for a program of whoever knows all of it. Raises as `login`."""
        issuer = self._doors.tokens.issuer
        if issuer is None:
            return await self.login(name, password, code, whence)
        account, attempt = await self._prove(Keys(name, password, code), whence)
        async with self._database.writing() as connection:
            await self._still_fits(connection, account)
            pair = await issuer.issue(account, "person", whence=whence, connection=connection)
            await self._welcome(connection, principal_of(account, "token", ""), attempt)
        return pair

    async def _still_fits(self, connection: AsyncConnection, account: Row) -> None:
        """What was proved may have been taken away meanwhile, with all that it gave: nothing more
        is given for it. Raises Unauthenticated `wrong-login`."""
        now = await Accounts(connection).held(account["id"])
        if now is None or not now["is_active"] or now["password_hash"] != account["password_hash"]:
            raise Unauthenticated("wrong-login", WRONG)

    async def _prove(self, keys: Keys, whence: From) -> tuple[Row, Attempt]:
        """The account whose keys these are. The code is spent."""
        try:
            known_as = login_name(keys.name)
        except ValueError:
            known_as = ""
        async with self._database.reading() as connection:
            account = await Accounts(connection).named(known_as) if known_as else None
        account_id = account["id"] if account else None
        attempt = await self._attempt(known_as, account_id, whence)
        kept = account["password_hash"] if account and self._may_try(account) else None
        fits = await self._doors.passwords.fits(kept, normal_password(keys.password))
        if not fits or account is None:
            await self._refused(known_as, "password")
            raise Unauthenticated("wrong-login", WRONG)
        try:
            async with self._database.writing() as connection:
                await self._doors.second_step.use(connection, account, keys.code)
        except Unauthenticated as err:
            if err.code == "code-wanted":  # no guess: the page asks for it now
                await self._take_back(attempt, of_password_alone=True)
            else:
                await self._refused(known_as, "code")
            raise
        return account, attempt

    async def _attempt(self, name: str, account_id: str | None, whence: From) -> Attempt:
        """Counted. Raises TooMany."""
        browser = account_id and self._doors.known.id_for(account_id, whence.known)
        return await self._doors.guesses.begin(name, account_id, whence.address, browser or None)

    def _may_try(self, account: Row) -> bool:
        return bool(account["is_active"]) and may_use_password(
            self._doors.local_login,
            has_password=account["password_hash"] is not None,
            is_break_glass=account["is_break_glass"],
        )

    async def _welcome(self, connection: AsyncConnection, who: Principal, attempt: Attempt) -> None:
        now = rfc3339(self._clock())
        await self._doors.guesses.succeeded(connection, attempt)
        await Accounts(connection).change(who.account_id, {"last_login_at": now})
        await Recovery(connection).came_from(who.account_id, attempt.network, now)
        await self._audit.note(connection, "login", who.name, actor=who, method="local")

    async def _refused(self, name: str, what: str) -> None:
        async with self._database.writing() as connection:
            await self._audit.note(
                connection, "login", name or "(no name)", outcome="refused", wrong=what
            )

    async def _take_back(self, attempt: Attempt, *, of_password_alone: bool = False) -> None:
        async with self._database.writing() as connection:
            if of_password_alone:  # whoever knows it may be guessing codes: those still count
                await self._doors.guesses.none_made(connection, attempt)
            else:
                await self._doors.guesses.succeeded(connection, attempt)

    # --- passwords ------------------------------------------------------------------------------

    async def check(self, who: Principal, password: str, whence: From) -> Row:
        """The account of somebody who is signed in and proves it once more.

        Raises Unauthenticated `wrong-login` and TooMany `too-many-logins`."""
        async with self._database.reading() as connection:
            account = await Accounts(connection).find(who.account_id)
        attempt = await self._attempt(who.name, who.account_id, whence)
        kept = account["password_hash"] if account else None
        if account is None or not await self._doors.passwords.fits(kept, normal_password(password)):
            await self._refused(who.name, "password")
            raise Unauthenticated("wrong-login", "The present password is wrong.")
        await self._take_back(attempt)
        return account

    async def prove(self, who: Principal, password: str, whence: From) -> None:
        """What wants a recent proof may be done for ten minutes. Raises as `check`, and Conflict
        `no-password` for those who prove themselves at their provider."""
        async with self._database.reading() as connection:
            if not await self._doors.proving.by_password(connection, who):
                raise Conflict(
                    "no-password", "You sign in with your provider: sign in there once more."
                )
        await self.check(who, password, whence)
        async with self._database.writing() as connection:
            await self._doors.proving.proved(connection, who)
            await self._audit.note(connection, "login.proof", who.name)

    async def change_password(
        self, who: Principal, old: str, new: str, whence: From
    ) -> Opened | None:
        """Ends every other session and program, and gives this one another secret. Raises
        Unauthenticated, TooMany and Invalid."""
        account = await self.check(who, old, whence)
        if normal_password(new) == normal_password(old):
            raise Invalid("same-password", "That is the present password. Choose another one.")
        change = await self._password(account, new, must_change=False)
        async with self._database.writing() as connection:
            await Accounts(connection).change(account["id"], change)
            await Recovery(connection).drop_link(account["id"])
            await Sessions(connection).end(account["id"], but=who.means_id)
            if self._doors.tokens.issuer is not None:
                await self._doors.tokens.issuer.end_programs(
                    connection, account["id"], but=who.means_id
                )
            await self._doors.revocations.end_waiting(connection, account["id"])
            opened = await self._doors.sessions.rotated(connection, who.means_id)
            await self._audit.note(connection, "user.password", account["name"])
        await self._doors.revocations.tell(account["id"])
        return opened

    async def reset_password(
        self,
        account: Row,
        new: str,
        *,
        actor_name: str = "command line",
        must_change: bool = True,
        keeps_totp: bool = False,
    ) -> None:
        """For somebody who cannot sign in any more: ends every way in, and takes the app away too
        if that is not to be kept. Raises Invalid."""
        change = await self._password(account, new, must_change=must_change)
        async with self._database.writing() as connection:
            await self._reset(connection, account, change, actor_name, keeps_totp=keeps_totp)
        await self._doors.revocations.tell(account["id"])

    async def _reset(
        self,
        connection: AsyncConnection,
        account: Row,
        change: dict[str, object],
        actor_name: str,
        *,
        keeps_totp: bool,
    ) -> None:
        if not keeps_totp:
            change = {**change, "totp_sealed": None}
            await Recovery(connection).set_codes(account["id"], [])
        await Accounts(connection).change(account["id"], change)
        await Recovery(connection).drop_link(account["id"])
        await self._doors.revocations.end_all(connection, account["id"])
        await self._audit.note(connection, "user.password", account["name"], actor_name=actor_name)

    async def make_link(self, account: Row) -> Link:
        """In place of the one before. The password holds until it is used."""
        secret, ends_at = self._new_secret(), rfc3339(self._clock() + LINK_HOLDS)
        async with self._database.writing() as connection:
            await Recovery(connection).set_link(account["id"], hashed(secret), ends_at)
            await self._audit.note(connection, "user.reset-link", account["name"])
        return Link(secret, ends_at)

    async def use_link(self, secret: str, new: str) -> str:
        """A password of one's own choice. The id of the account. Raises Gone `link-used`, and
        Invalid, after which the link is as good as before."""
        now, key = rfc3339(self._clock()), hashed(secret)
        async with self._database.reading() as connection:
            account_id = await Recovery(connection).linked(key, now)
            account = account_id and await Accounts(connection).find(account_id)
        if not account:
            raise _used()
        change = await self._password(account, new, must_change=False)
        async with self._database.writing() as connection:
            if not await Recovery(connection).use_link(key, now):
                raise _used()
            await self._reset(connection, account, change, account["name"], keeps_totp=True)
        await self._doors.revocations.tell(account["id"])
        return str(account["id"])

    async def _password(self, account: Row, new: str, *, must_change: bool) -> dict[str, object]:
        return {
            "password_hash": await self._hashed(new, account["name"]),
            "must_change": must_change,
            "updated_at": rfc3339(self._clock()),
        }

    async def _hashed(self, password: str, name: str) -> str:
        checked = _checked(lambda: check_password(password, name), "weak-password")
        return await self._doors.passwords.hashed(checked)

    # --- the first Administrator ----------------------------------------------------------------

    async def first_link(self) -> str | None:
        """A secret that makes the first Administrator, once; None where there is one."""
        async with self._database.writing() as connection:
            if await Accounts(connection).count(administrators=True):
                return None
            secret = self._new_secret()
            digest = self._seal.digest(secret, FIRST_LINK)
            await Facts(connection).keep(FIRST_LINK, digest)
        return secret

    async def make_first(self, secret: str, new: NewAccount) -> Row:
        """Raises Gone `link-used` for a link that was used, or is none."""
        async with self._database.reading() as connection:
            await self._check_first(connection, secret)
        row = await self._row(new)
        async with self._database.writing() as connection:
            await locks.hold(connection, locks.PEOPLE)
            await self._check_first(connection, secret)
            await Facts(connection).forget(FIRST_LINK)
            await self._add(connection, row, "first link")
        return row

    async def _check_first(self, connection: AsyncConnection, secret: str) -> None:
        kept = await Facts(connection).find(FIRST_LINK)
        has_one = await Accounts(connection).count(administrators=True)
        if has_one or kept != self._seal.digest(secret, FIRST_LINK):
            raise _used()


def _used() -> Gone:
    return Gone(
        "link-used", "This link was used, or is none. Ask an Administrator for another one."
    )


def _checked(check: Callable[[], str], code: str) -> str:
    try:
        return check()
    except ValueError as err:
        raise Invalid(code, str(err)) from None
