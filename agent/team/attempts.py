"""The two ways in: by the browser of this computer, or by a code that is typed elsewhere."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from agent.shared.clock import NewSecret
from agent.shared.errors import Denied, OrcaError, TimedOut, Unavailable
from agent.team.hub import HubClient, Json
from agent.team.listener import listening
from agent.team.rules import authorize_address, page_address

BROWSER_S = 600.0


@dataclass(frozen=True, slots=True)
class Shown:
    """What a person needs in order to say yes: an address to open, and a code to type there."""

    address: str
    user_code: str | None
    expires_in_s: float


Show = Callable[[Shown], None]


async def by_browser(hub: HubClient, name: str, new_secret: NewSecret, show: Show) -> Json:
    """The hub's answer with the tokens. Raises Denied, TimedOut and Unavailable."""
    state, verifier = new_secret(), new_secret()
    async with listening(state) as (back, answer):
        address = authorize_address(hub.url, back=back, verifier=verifier, state=state, name=name)
        show(Shown(address, None, BROWSER_S))
        try:
            async with asyncio.timeout(BROWSER_S):
                brought = await answer
        except TimeoutError:
            raise too_late() from None
    code = brought.get("code")
    if code is None:
        raise refused()
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "code_verifier": verifier,
        "redirect_uri": back,
    }
    said = await hub.ask("POST", "/auth/machine/token", form)
    if not said.is_good:
        raise Denied("team-refused", said.detail)
    return said.said


async def by_device(hub: HubClient, name: str, show: Show) -> Json:
    """As `by_browser`."""
    begun = await hub.ask("POST", "/auth/device", {"machine_name": name})
    if not begun.is_good:
        raise Unavailable("hub-refused", begun.detail)
    told = begun.said
    left_s, interval_s = float(told["expires_in"]), float(told["interval"])
    page = page_address(told["verification_uri_complete"])
    show(Shown(page, str(told["user_code"]), left_s))
    while left_s > 0:
        await asyncio.sleep(interval_s)
        left_s -= interval_s
        try:
            said = await hub.ask("POST", "/auth/device/token", {"device_code": told["device_code"]})
        except Unavailable:
            continue  # a hub that is away for a moment (RFC 8628, 3.5)
        if said.is_good:
            return said.said
        error = str(said.said.get("error", ""))
        if error == "slow_down":
            interval_s += 5
        elif error != "authorization_pending":
            raise _problem(error, said.detail)
    raise too_late()


def _problem(error: str, detail: str) -> OrcaError:
    if error == "access_denied":
        return refused()
    return too_late() if error == "expired_token" else Denied("team-refused", detail)


def refused() -> Denied:
    return Denied("team-refused", "This computer was not let in.")


def too_late() -> TimedOut:
    return TimedOut("team-too-late", "Nobody let this computer in in time. Begin again.")
