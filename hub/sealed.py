"""Whether what is kept of others' secrets can still be opened here."""

from collections.abc import Awaitable, Callable

from sqlalchemy import select

from agent.shared.databases import Databases
from agent.shared.errors import Unavailable
from hub.ai.configuration import sealed_for
from hub.ai.store import PROVIDER
from hub.health import Part
from hub.identity.second_step import TOTP_PURPOSE
from hub.sealing import Seal
from hub.users.store import ACCOUNT

NAME = "sealed secrets"
MOST = 50  # of each kind: another key opens none of them


def part(database: Databases, seal: Seal) -> Part:
    """For readiness and the doctor: a replica that was started with another secret key serves on,
    and asks model servers without their keys."""
    fix = (
        "Set the ORCA_HUB_SECRET_KEY that the other replicas have or that there was before; if it "
        "is lost, give keys of model servers and second steps anew."
    )
    check, examine = _looks(database, seal)
    return Part(NAME, check, is_needed=False, examine=examine, fix=fix, is_wrong=True)


def _looks(
    database: Databases, seal: Seal
) -> tuple[Callable[[], Awaitable[object]], Callable[[], Awaitable[str]]]:
    async def check() -> int:
        """How many were opened. Raises Unavailable `secret-key-changed`."""
        keys = select(PROVIDER.c.id, PROVIDER.c.key_sealed).limit(MOST)
        steps = select(ACCOUNT.c.totp_sealed).where(ACCOUNT.c.totp_sealed.is_not(None)).limit(MOST)
        async with database.reading() as connection:
            rows = (await connection.execute(keys)).all()
            sealed = [(str(text), sealed_for(row_id)) for row_id, text in rows if text]
            rows = (await connection.execute(steps)).all()
            sealed += [(str(row[0]), TOTP_PURPOSE) for row in rows]
        for text, purpose in sealed:
            try:
                seal.open(text, purpose)
            except ValueError:
                raise Unavailable(
                    "secret-key-changed", "What was kept sealed cannot be read."
                ) from None
        return len(sealed)

    async def examine() -> str:
        return "They can be opened." if await check() else "There are none yet."

    return check, examine
