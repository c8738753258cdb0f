"""Browsers in which somebody has signed in before, so that guesses of others do not keep them out
(OWASP, Slow Down Online Guessing Attacks with Device Cookies)."""

import hmac
from dataclasses import dataclass

from agent.shared.clock import NewSecret
from hub.sealing import Seal

PURPOSE = "known-browser"
NAMES = ("__Host-orca-known", "orca-known")  # with TLS, and without
HOLDS_S = 180 * 24 * 3600
MOST = 5  # accounts of one browser
ID_CHARACTERS, LONGEST = 22, 2000


@dataclass(frozen=True, slots=True)
class Known:
    """One account of a browser; `id` is of the browser for this account."""

    account_id: str
    id: str
    proof: str

    def __str__(self) -> str:
        return f"{self.account_id}.{self.id}.{self.proof}"


class KnownBrowsers:
    """Says so in a cookie that nobody else can make, and that lets nobody in."""

    def __init__(self, seal: Seal, new_secret: NewSecret) -> None:
        self._seal, self._new_secret = seal, new_secret

    def kept(self, account_id: str, before: str) -> str:
        """The cookie once somebody has signed in, beside the accounts that it named `before`."""
        known = self._read(before)
        own = [one for one in known if one.account_id == account_id] or [self._made(account_id)]
        others = [one for one in known if one.account_id != account_id]
        return "~".join(str(one) for one in [own[0], *others[: MOST - 1]])

    def id_for(self, account_id: str, cookie: str) -> str | None:
        """Of a browser in which this account has signed in."""
        for one in self._read(cookie):
            if one.account_id == account_id:
                return one.id
        return None

    def account_of(self, cookie: str) -> str | None:
        """Who signed in there last."""
        known = self._read(cookie)
        return known[0].account_id if known else None

    def _made(self, account_id: str) -> Known:
        browser = self._new_secret()[:ID_CHARACTERS]
        return Known(account_id, browser, self._proof(account_id, browser))

    def _read(self, cookie: str) -> list[Known]:
        if not cookie or len(cookie) > LONGEST or not cookie.isascii():
            return []
        parts = [one.split(".") for one in cookie.split("~")[:MOST]]
        found = [Known(*one) for one in parts if len(one) == 3]
        return [
            one
            for one in found
            if hmac.compare_digest(one.proof, self._proof(one.account_id, one.id))
        ]

    def _proof(self, account_id: str, browser: str) -> str:
        return self._seal.digest(f"{account_id} {browser}", PURPOSE)
