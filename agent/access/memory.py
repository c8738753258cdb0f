"""What access keeps in memory alone: tickets, pairings, wrong guesses. A restart forgets them."""

from dataclasses import replace
from datetime import datetime, timedelta

from agent.access.rules import (
    COLLECT_LIFE,
    FAILURES_A_MINUTE,
    PAIRING_LIFE,
    PAIRINGS_AT_ONCE,
    REMEMBERED,
    TICKET_LIFE,
    TICKETS_AT_ONCE,
    Pairing,
    PairingState,
    Ticket,
    hashed,
    is_over,
    is_same,
    pairing_now,
    tried,
)
from agent.shared.clock import Clock, NewId, NewSecret, random_code
from agent.shared.errors import Denied, Gone, NotFound, TooMany


class Tickets:
    """One-use passes into the panel. Each gives the scopes of the one who asked for it."""

    def __init__(self, clock: Clock, new_secret: NewSecret) -> None:
        self._clock, self._new_secret = clock, new_secret
        self._tickets: dict[str, Ticket] = {}

    def make(self, name: str, scopes: frozenset[str]) -> tuple[str, datetime]:
        """The ticket, and when its time is over."""
        now, secret = self._clock(), self._new_secret()
        self._tickets = {
            key: ticket for key, ticket in self._tickets.items() if not is_over(ticket.ends_at, now)
        }
        while len(self._tickets) >= TICKETS_AT_ONCE:
            del self._tickets[next(iter(self._tickets))]
        ticket = Ticket(name, tuple(sorted(scopes)), now + TICKET_LIFE)
        self._tickets[hashed(secret)] = ticket
        return secret, ticket.ends_at

    def redeem(self, secret: str) -> Ticket:
        """Raises Gone for a ticket that was used, is too old or never was."""
        ticket = self._tickets.pop(hashed(secret), None)
        if ticket is None or is_over(ticket.ends_at, self._clock()):
            raise Gone("ticket-gone", "This link was used already, or its minute is over.")
        return ticket


class Pairings:
    """Requests of programs that cannot read the token file: they show a code, the user types it."""

    def __init__(
        self,
        clock: Clock,
        new_id: NewId,
        new_secret: NewSecret,
        new_code: NewSecret = random_code,
    ) -> None:
        self._clock, self._new_id = clock, new_id
        self._new_secret, self._new_code = new_secret, new_code
        self._pairings: dict[str, Pairing] = {}

    def start(self, name: str) -> tuple[Pairing, str]:
        """A waiting pairing and the secret of the one who asked. Raises TooMany."""
        waiting, now = self.waiting(), self._clock()
        if len(waiting) >= PAIRINGS_AT_ONCE:
            raise TooMany(
                "too-many-pairings",
                f"{PAIRINGS_AT_ONCE} programs wait for their code already. "
                "Confirm or refuse one of them, or wait two minutes.",
                retry_after_s=round((waiting[0].ends_at - now).total_seconds(), 1),
            )
        self._pairings = {
            key: pairing
            for key, pairing in self._pairings.items()
            if not is_over(pairing.ends_at + REMEMBERED, now)
        }
        secret = self._new_secret()
        pairing = Pairing(
            self._new_id(), name, self._new_code(), hashed(secret), now, now + PAIRING_LIFE
        )
        self._pairings[pairing.id] = pairing
        return pairing, secret

    def waiting(self) -> list[Pairing]:
        """Oldest first."""
        now = self._clock()
        seen = (pairing_now(pairing, now) for pairing in self._pairings.values())
        return [pairing for pairing in seen if pairing.state is PairingState.WAITING]

    def confirm(self, pairing_id: str, code: str) -> None:
        """Raises NotFound, Gone, or Denied for a wrong code; the fifth wrong one ends it."""
        pairing = tried(self._waiting(pairing_id), code)
        if pairing.state is not PairingState.CONFIRMED:
            self._pairings[pairing_id] = pairing
            raise Denied(
                "wrong-code",
                "This is not the code that the program shows."
                if pairing.state is PairingState.WAITING
                else "Wrong too often. Let the program ask for a new code.",
                tries_left=pairing.tries_left,
            )
        self._pairings[pairing_id] = replace(pairing, ends_at=self._clock() + COLLECT_LIFE)

    def refuse(self, pairing_id: str) -> None:
        """Raises NotFound or Gone."""
        pairing = self._waiting(pairing_id)
        self._pairings[pairing_id] = replace(pairing, state=PairingState.REFUSED)

    def ask(self, pairing_id: str, secret: str) -> Pairing:
        """What has become of it. A confirmed one is handed out once. Raises NotFound."""
        pairing = self._pairings.get(pairing_id)
        if pairing is None or not is_same(pairing.secret_hash, hashed(secret)):
            raise _unknown()
        pairing = pairing_now(pairing, self._clock())
        if pairing.state is PairingState.CONFIRMED:
            del self._pairings[pairing_id]
        return pairing

    def _waiting(self, pairing_id: str) -> Pairing:
        if (pairing := self._pairings.get(pairing_id)) is None:
            raise _unknown()
        pairing = pairing_now(pairing, self._clock())
        if pairing.state is not PairingState.WAITING:
            raise Gone("pairing-over", f"This pairing is {pairing.state.value} already.")
        return pairing


def _unknown() -> NotFound:
    return NotFound("no-such-pairing", "There is no such pairing. Ask for a new code.")


class Failures:
    """A bucket of wrong guesses: it fills by 20 a minute and holds as many."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._left, self._at = float(FAILURES_A_MINUTE), clock()

    def count(self) -> None:
        """Raises TooMany if there were too many of late."""
        now = self._clock()
        passed = max(timedelta(), now - self._at).total_seconds()
        a_second = FAILURES_A_MINUTE / 60
        self._left = min(float(FAILURES_A_MINUTE), self._left + passed * a_second)
        self._at = now
        if self._left < 1:
            raise TooMany(
                "too-many-failures",
                "Too many wrong tokens. Read the token file again, or pair this program anew.",
                retry_after_s=round((1 - self._left) / a_second, 1),
            )
        self._left -= 1
