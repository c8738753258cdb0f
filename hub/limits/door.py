"""Where too many requests are turned away, and every answer says how many are left."""

from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from quart import Blueprint, Request, g, request
from quart.typing import ResponseTypes

from agent.shared.clock import Clock, rfc3339
from agent.shared.errors import TooMany
from agent.shared.web import current
from hub.access import Principal
from hub.guard import PROBES
from hub.limits.buckets import Kind, Rate, Verdict, address_key
from hub.limits.rates import Rates

COUNTED = ("/api/", "/v1/", "/scim/")  # the rest are the files of pages
SIGNING_IN = "/api/v1/auth/"
# The provider's, of as many people as it signs out at the same time.
BY_PROVIDER = "/api/v1/auth/oidc/backchannel-logout"


@dataclass(frozen=True, slots=True)
class Allowed:
    """By whom is asked; None where nothing is limited."""

    user: Rate | None
    key: Rate | None
    address: Rate | None
    login: Rate | None


class RateDoor:
    """People and keys have a rate of their own, wherever they come from: behind one address may
    be a whole company. Those whom nobody knows share that of their address."""

    def __init__(self, rates: Rates, allowed: Allowed, clock: Clock) -> None:
        self._rates, self._allowed, self._clock = rates, allowed, clock

    async def __call__(self, who: Principal | None) -> None:
        """Raises TooMany `too-many-requests`."""
        sent = current()
        if not sent.path.startswith(COUNTED) or sent.path in PROBES:
            return
        for kind, subject, rate in self._subjects(who, sent):
            if rate is None:
                continue
            verdict = await self._rates.hit(kind, subject, rate)
            g.rate = verdict
            if verdict.wait_s > 0:
                raise self._refusal(kind, verdict)

    def _subjects(
        self, who: Principal | None, sent: Request
    ) -> list[tuple[Kind, str, Rate | None]]:
        allowed = self._allowed
        found: list[tuple[Kind, str, Rate | None]] = []
        if who is None:
            found.append(("address", _stranger(), allowed.address))
        elif who.means in ("key", "scim"):
            found.append(("key", who.means_id, allowed.key))
        else:
            found.append(("user", who.account_id, allowed.user))
        is_login = sent.method == "POST" and sent.path.startswith(SIGNING_IN)
        if is_login and g.get("is_public") and request.path != BY_PROVIDER:
            found.append(("login", _stranger(), allowed.login))
        return found

    def _refusal(self, kind: Kind, verdict: Verdict) -> TooMany:
        rate = verdict.rate
        resets = self._clock() + timedelta(seconds=verdict.wait_s)
        return TooMany(
            "too-many-requests",
            f"Too many requests: {rate.amount} in {rate.seconds} seconds are allowed. Wait a "
            "moment, then try again.",
            limited=kind,
            limit=rate.amount,
            left=verdict.left,
            resets_at=rfc3339(resets),
            retry_after_s=max(1, ceil(verdict.wait_s)),
        )


def _stranger() -> str:
    """The address; or, so that nobody else of that address uses it up, who has signed in before in
    this browser."""
    known: str | None = g.get("known_account")
    return f"known {known}" if known else address_key(request.remote_addr or "")


def telling(bp: Blueprint) -> Blueprint:
    """Every answer of the program says how many requests are left."""

    @bp.after_app_request
    async def tell(response: ResponseTypes) -> ResponseTypes:
        verdict: Verdict | None = g.get("rate")
        if verdict is not None:
            resets_in_s = ceil(verdict.wait_s or verdict.full_in_s)
            headers = response.headers
            headers.add("RateLimit-Limit", str(verdict.rate.amount))
            headers.add("RateLimit-Remaining", str(verdict.left))
            headers.add("RateLimit-Reset", str(resets_in_s))
        return response

    return bp
