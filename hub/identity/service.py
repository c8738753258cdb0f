"""Local accounts: signing in with name, password and a one-time code."""

import logging
from collections.abc import Callable
from dataclasses import dataclass

from agent.shared.clock import Clock, NewId, NewSecret, from_rfc3339, rfc3339
from agent.shared.databases import Databases
from agent.shared.errors import Conflict, Gone, Invalid, TooMany, Unauthenticated
from hub.access import Principal, Role
from hub.audit.service import AuditService
from hub.identity import totp
from hub.identity.facts import Facts
from hub.identity.passwords import Passwords
from hub.identity.principals import principal_of
from hub.identity.rules import (
    FORGOTTEN_AFTER,
    Failures,
    check_password,
    login_name,
    pause_after,
)
from hub.identity.sessions import From, Opened, SessionService
from hub.identity.store import FailedLogins, Row, Sessions
from hub.sealing import Seal
from hub.users.store import Accounts, account_row

log = logging.getLogger(__name__)

FIRST_LINK = "first-administrator"
WRONG = "The name or the password is wrong."
TOTP_PURPOSE = "totp"


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


class LocalAccounts:
    """Makes them, lets them in, and slows down who guesses."""

    def __init__(
        self,
        database: Databases,
        passwords: Passwords,
        sessions: SessionService,
        audit: AuditService,
        seal: Seal,
        clock: Clock,
        new_id: NewId,
        new_secret: NewSecret,
    ) -> None:
        self._database, self._passwords, self._sessions = database, passwords, sessions
        self._audit, self._seal, self._clock = audit, seal, clock
        self._new_id, self._new_secret = new_id, new_secret

    async def add(self, new: NewAccount, *, actor_name: str = "command line") -> Row:
        """Raises Invalid for the name or password, Conflict `name-taken`."""
        name = _checked(lambda: login_name(new.name), "bad-name")
        hashed = None
        if new.password is not None:
            password = new.password
            hashed = await self._passwords.hashed(
                _checked(lambda: check_password(password, name), "weak-password")
            )
        now = rfc3339(self._clock())
        row = account_row(
            self._new_id(),
            name,
            now,
            display_name=new.display_name or name,
            email=new.email,
            role=new.role,
            is_break_glass=new.is_break_glass,
            password_hash=hashed,
            must_change=new.must_change,
        )
        async with self._database.writing() as connection:
            if await Accounts(connection).named(name):
                raise Conflict("name-taken", f"There is an account called {name} already.")
            await Accounts(connection).add(row)
            await self._audit.note(
                connection, "user.add", name, actor_name=actor_name, role=new.role
            )
        return row

    async def login(self, name: str, password: str, code: str, whence: From) -> Opened:
        """A session for whoever knows all of it.

        Raises Unauthenticated `wrong-login` or `code-wanted`, and TooMany `too-many-logins`."""
        try:
            known_as = login_name(name)
        except ValueError:
            known_as = ""
        subjects = [f"{known_as}@{whence.address}", f"@{whence.address}"]
        await self._wait_is_over(subjects)
        async with self._database.reading() as connection:
            account = await Accounts(connection).named(known_as) if known_as else None
        kept = account["password_hash"] if account and account["is_active"] else None
        fits = await self._passwords.fits(kept, password)
        if not fits or account is None:
            await self._failed(subjects, known_as, "password")
            raise Unauthenticated("wrong-login", WRONG)
        return await self._let_in(account, code, subjects, whence)

    async def _let_in(self, account: Row, code: str, subjects: list[str], whence: From) -> Opened:
        step = self._step(account, code)
        if step is None:
            if not code:
                raise Unauthenticated("code-wanted", "Type the six digits of your app, too.")
            await self._failed(subjects, account["name"], "code")
            raise Unauthenticated("wrong-login", "The six digits are wrong, or were used already.")
        row, opened = self._sessions.opened(account["id"], "local", whence)
        change = {"last_login_at": rfc3339(self._clock()), "totp_last_step": step}
        async with self._database.writing() as connection:
            await FailedLogins(connection).forget(subjects[:1])
            await Accounts(connection).change(account["id"], change)
            await Sessions(connection).add(row)
            who = principal_of(account, "session", opened.id)
            await self._audit.note(connection, "login", account["name"], actor=who, method="local")
        return opened

    def _step(self, account: Row, code: str) -> int | None:
        """The step of the code; the last one where no code is wanted; None if it is wrong."""
        last: int = account["totp_last_step"]
        if account["totp_sealed"] is None:
            return last
        secret = self._seal.open(account["totp_sealed"], TOTP_PURPOSE)
        return totp.step_of(secret, code, self._clock().timestamp(), last)

    async def change_password(self, who: Principal, old: str, new: str) -> None:
        """Ends every other session. Raises Unauthenticated and Invalid."""
        async with self._database.reading() as connection:
            account = await Accounts(connection).find(who.account_id)
        if account is None or not await self._passwords.fits(account["password_hash"], old):
            raise Unauthenticated("wrong-login", "The present password is wrong.")
        password = _checked(lambda: check_password(new, who.name), "weak-password")
        await self._set_password(account, password, must_change=False, but=who.means_id)

    async def reset_password(
        self, account: Row, new: str, *, actor_name: str = "command line"
    ) -> None:
        """For somebody who cannot sign in any more: ends all sessions, takes the app away too."""
        password = _checked(lambda: check_password(new, account["name"]), "weak-password")
        await self._set_password(
            account, password, must_change=True, but="", actor_name=actor_name, totp_sealed=None
        )

    async def _set_password(
        self,
        account: Row,
        password: str,
        *,
        must_change: bool,
        but: str,
        actor_name: str = "nobody",
        **more: object,
    ) -> None:
        change = {
            "password_hash": await self._passwords.hashed(password),
            "must_change": must_change,
            "updated_at": rfc3339(self._clock()),
            **more,
        }
        async with self._database.writing() as connection:
            await Accounts(connection).change(account["id"], change)
            await Sessions(connection).end(account["id"], but=but)
            await self._audit.note(
                connection, "user.password", account["name"], actor_name=actor_name
            )

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
        async with self._database.writing() as connection:
            kept = await Facts(connection).find(FIRST_LINK)
            has_one = await Accounts(connection).count(administrators=True)
            if has_one or kept != self._seal.digest(secret, FIRST_LINK):
                raise Gone(
                    "link-used",
                    "This link was used, or is none. Ask an Administrator for an account.",
                )
        row = await self.add(new, actor_name="first link")
        async with self._database.writing() as connection:
            await Facts(connection).forget(FIRST_LINK)
        return row

    # --- guessing -------------------------------------------------------------------------------

    async def _wait_is_over(self, subjects: list[str]) -> None:
        now = self._clock()
        async with self._database.reading() as connection:
            kept = await FailedLogins(connection).of(subjects)
        own, address = (_failures(kept.get(one)) for one in subjects)
        # Of an address many people may come: it is slowed down four times later.
        shared = address and Failures(address.count // 4, address.last_at)
        pause = max(pause_after(own, now), pause_after(shared, now))
        if pause.total_seconds() > 0:
            raise TooMany(
                "too-many-logins",
                "Too many attempts. Wait a moment, then try again.",
                retry_after_s=max(1, round(pause.total_seconds())),
            )

    async def _failed(self, subjects: list[str], name: str, what: str) -> None:
        now = self._clock()
        stale = rfc3339(now - FORGOTTEN_AFTER)
        async with self._database.writing() as connection:
            for subject in subjects:
                await FailedLogins(connection).count(subject, rfc3339(now), stale)
            await self._audit.note(
                connection, "login", name or "(no name)", outcome="refused", wrong=what
            )


def _failures(kept: tuple[int, str] | None) -> Failures | None:
    return Failures(kept[0], from_rfc3339(kept[1])) if kept else None


def _checked(check: Callable[[], str], code: str) -> str:
    try:
        return check()
    except ValueError as err:
        raise Invalid(code, str(err)) from None
