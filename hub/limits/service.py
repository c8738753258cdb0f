"""Quotas and costs as Administrators set them, and what was used."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import date, datetime, timedelta
from typing import Any

from agent.shared.clock import Clock, NewId, rfc3339
from agent.shared.databases import Databases
from agent.shared.errors import Conflict, Denied, Invalid, NotFound
from hub.access import Principal
from hub.audit.service import AuditService
from hub.groups.store import Groups
from hub.limits.quotas import Quotas
from hub.limits.rules import (
    ANY,
    Amounts,
    Asked,
    Quota,
    counter_of,
    holds,
    left,
    period_starts,
    resets_at,
)
from hub.limits.store import QUOTA_FIELDS, Row, Rulings
from hub.limits.usage_store import Span, Usages
from hub.users.store import Accounts

LAST_DAYS = 30
LONGEST_DAYS = 800
LIMITS = ("requests", "tokens", "cost_micros")


class LimitService:
    """What is set holds here at once, and on other replicas within two seconds."""

    def __init__(
        self,
        database: Databases,
        quotas: Quotas,
        audit: AuditService,
        clock: Clock,
        new_id: NewId,
    ) -> None:
        self._database, self._quotas, self._audit = database, quotas, audit
        self._clock, self._new_id = clock, new_id

    # --- quotas ---------------------------------------------------------------------------------

    async def quotas(self) -> list[tuple[Row, dict[str, object]]]:
        """Each with what is `used` and `left` of it now, and when it `resets_at`."""
        now = self._clock()
        async with self._database.reading() as connection:
            rulings = Rulings(connection)
            rows = await rulings.listed_quotas()
            quotas = [Quota(**{name: row[name] for name in QUOTA_FIELDS}) for row in rows]
            sums = await rulings.used_by_all(
                [(one.id, period_starts(one.period, now)) for one in quotas]
            )
        return [
            (row, _standing(one, sums.get(one.id, Amounts()), now))
            for row, one in zip(rows, quotas, strict=True)
        ]

    async def quota(self, quota_id: str) -> Row:
        """Raises NotFound."""
        async with self._database.reading() as connection:
            row = await Rulings(connection).quota(quota_id)
        return row or _no_quota()

    async def add_quota(self, values: Row) -> Row:
        """Raises Invalid `no-such-user` and `no-such-group`, and Conflict `quota-exists`."""
        now = rfc3339(self._clock())
        row = {"id": self._new_id(), **values, "created_at": now, "updated_at": now}
        async with self._database.writing() as connection:
            if values["subject_kind"] == "user":
                await _check_account(connection, values["subject"])
            if values["subject_kind"] == "group":
                row["subject"] = await _group_named(connection, values["subject"])
            if not await Rulings(connection).add_quota(row):
                raise Conflict("quota-exists", "There is a quota about the same. Change that one.")
            said = {name: row[name] for name in values}
            await self._audit.note(connection, "quota.add", row["id"], **said)
        self._quotas.changed()
        return row

    async def change_quota(
        self, quota_id: str, values: Mapping[str, Any]
    ) -> Row:  # Any: int or None
        """Raises NotFound, and Invalid `no-limit` if none would be left."""
        async with self._database.writing() as connection:
            before = await Rulings(connection).quota(quota_id) or _no_quota()
            if all({**before, **values}[name] is None for name in LIMITS):
                raise Invalid("no-limit", "Without any limit remove the quota instead.")
            change = {**values, "updated_at": rfc3339(self._clock())}
            row = await Rulings(connection).change_quota(quota_id, change) or _no_quota()
            await self._audit.note(connection, "quota.change", quota_id, **dict(values))
        self._quotas.changed()
        return row

    async def remove_quota(self, quota_id: str) -> None:
        """With what was counted. Raises NotFound."""
        async with self._database.writing() as connection:
            row = await Rulings(connection).remove_quota(quota_id) or _no_quota()
            await self._audit.note(connection, "quota.remove", quota_id, subject=row["subject"])
        self._quotas.changed()

    async def own(self, who: Principal) -> list[dict[str, object]]:
        """Those that hold for somebody, whichever model is asked, with what is left."""
        now, rulebook = self._clock(), await self._quotas.rulebook()
        mine = [one for one in rulebook.quotas if _may_hold(one, who)]
        counters = {one.id: counter_of(one, who.account_id, now) for one in mine}
        async with self._database.reading() as connection:
            used = await Rulings(connection).used(list(counters.values())) if mine else {}
        return [
            {
                "id": one.id,
                "subject_kind": one.subject_kind,
                "model": one.subject if one.subject_kind == "model" else one.model,
                "period": one.period,
                "is_each": one.is_each,
                **{name: getattr(one, name) for name in LIMITS},
                "left": left(one, used.get(counters[one.id], Amounts())),
                "resets_at": rfc3339(resets_at(one.period, now)),
            }
            for one in mine
        ]

    # --- costs ----------------------------------------------------------------------------------

    async def costs(self) -> list[Row]:
        async with self._database.reading() as connection:
            return await Rulings(connection).listed_prices()

    async def set_cost(self, values: Row) -> Row:
        """In the place of that of the same model and provider."""
        row = {"id": self._new_id(), **values, "updated_at": rfc3339(self._clock())}
        async with self._database.writing() as connection:
            kept = await Rulings(connection).set_price(row)
            await self._audit.note(connection, "cost.set", values["model"], **dict(values))
        self._quotas.changed()
        return kept

    async def remove_cost(self, cost_id: str) -> None:
        """What was used keeps its cost. Raises NotFound."""
        async with self._database.writing() as connection:
            row = await Rulings(connection).remove_price(cost_id)
            if row is None:
                raise NotFound("no-such-cost", "There is no cost with this id.")
            await self._audit.note(connection, "cost.remove", row["model"])
        self._quotas.changed()

    # --- usage ----------------------------------------------------------------------------------

    async def usage(self, who: Principal, by: str, span: Span) -> tuple[list[Row], Row]:
        """One's own; an Administrator sees everybody's. Raises Denied."""
        if not who.is_administrator:
            if by in ("user", "group") or span.account_id not in ("", who.account_id):
                raise Denied("administrators-only", "Only an Administrator may see who used what.")
            span = Span(span.since, span.until, who.account_id, span.model)
        async with self._database.reading() as connection:
            usages = Usages(connection)
            return await usages.by(by, span), await usages.total(span)

    def span(self, since: date | None, until: date | None, user: str, model: str) -> Span:
        """Raises Invalid `bad-span`."""
        last = until or self._clock().date()
        first = since or last - timedelta(days=min(LAST_DAYS - 1, last.toordinal() - 1))
        if not 0 <= (last - first).days < LONGEST_DAYS:
            raise Invalid("bad-span", f"from is not after to, and {LONGEST_DAYS} days at most.")
        return Span(first.isoformat(), last.isoformat(), user, model)


async def _check_account(connection: Any, account_id: str) -> None:  # Any: of SQLAlchemy
    if await Accounts(connection).find(account_id) is None:
        raise Invalid("no-such-user", "There is no account with this id.")


async def _group_named(connection: Any, name: str) -> str:  # Any: of SQLAlchemy
    """As it is written there, which is how it is compared."""
    group = await Groups(connection).named(name)
    if group is None:
        raise Invalid(
            "no-such-group",
            "There is no group of this name. Make it under Groups; one of your identity provider "
            "is there as soon as somebody of it has signed in.",
        )
    return str(group["name"])


def _may_hold(quota: Quota, who: Principal) -> bool:
    """For some model."""
    asked = Asked(who.account_id, who.groups, ANY)
    return quota.subject_kind == "model" or holds(replace(quota, model=ANY), asked)


def _standing(quota: Quota, used: Amounts, now: datetime) -> dict[str, object]:
    return {
        "used": asdict(used),
        "left": None if quota.is_each else left(quota, used),
        "resets_at": rfc3339(resets_at(quota.period, now)),
    }


def _no_quota() -> Row:
    raise NotFound("no-such-quota", "There is no quota with this id.")
