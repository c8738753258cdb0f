"""The same in PostgreSQL, each step one statement: no row is held longer than the server needs.

Under READ COMMITTED, `FOR UPDATE` gives the newest values of the rows that it waited for, and the
UPDATE of the same statement changes those. What is checked is therefore what is changed."""

from collections.abc import Sequence
from dataclasses import astuple

import orjson

from hub.limits.books import Full, Limit, Use, kept
from hub.limits.lanes import Lanes, Record
from hub.limits.rules import Amounts, Counter, Reservation, exceeds

BEGIN_COUNTERS = """
INSERT INTO quota_use (quota_id, starts_at, who, requests, tokens, cost_micros)
SELECT quota_id, starts_at, who, 0, 0, 0
FROM unnest($1::text[], $2::text[], $3::text[]) AS w (quota_id, starts_at, who)
ORDER BY 1, 2, 3
ON CONFLICT DO NOTHING
"""
TAKE = """
WITH held AS MATERIALIZED (
  SELECT u.quota_id, u.starts_at, u.who, u.requests, u.tokens, u.cost_micros,
    w.most_requests, w.most_tokens, w.most_cost
  FROM quota_use u
  JOIN unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bigint[])
    AS w (quota_id, starts_at, who, most_requests, most_tokens, most_cost)
    ON u.quota_id = w.quota_id AND u.starts_at = w.starts_at AND u.who = w.who
  ORDER BY 1, 2, 3
  FOR UPDATE OF u
), verdict AS MATERIALIZED (
  SELECT count(*) = $10 AND coalesce(bool_and(
    ($7::bigint = 0 OR most_requests IS NULL OR requests + $7 <= most_requests)
    AND ($8::bigint = 0 OR most_tokens IS NULL OR tokens + $8 <= most_tokens)
    AND ($9::bigint = 0 OR most_cost IS NULL OR cost_micros + $9 <= most_cost)
  ), FALSE) AS fits
  FROM held
), taken AS (
  UPDATE quota_use u
  SET requests = u.requests + $7, tokens = u.tokens + $8, cost_micros = u.cost_micros + $9
  FROM held h
  WHERE (SELECT fits FROM verdict)
    AND u.quota_id = h.quota_id AND u.starts_at = h.starts_at AND u.who = h.who
), reserved AS (
  INSERT INTO reservation (id, account_id, model, day, expires_at, requests, tokens, cost_micros,
    counters)
  SELECT $11, $12, $13, $14, $15, $7, $8, $9, $16::json FROM verdict WHERE fits
)
SELECT h.quota_id, h.starts_at, h.who, h.requests, h.tokens, h.cost_micros,
  (SELECT fits FROM verdict) AS fits
FROM held h
"""
# `gone` is what was set aside; nothing if that has ended, or ended by another replica.
CHANGE = """
WITH gone AS MATERIALIZED (
  DELETE FROM reservation WHERE id = $1 RETURNING requests, tokens, cost_micros
), held AS MATERIALIZED (
  SELECT u.quota_id, u.starts_at, u.who
  FROM quota_use u
  JOIN unnest($2::text[], $3::text[], $4::text[]) AS w (quota_id, starts_at, who)
    ON u.quota_id = w.quota_id AND u.starts_at = w.starts_at AND u.who = w.who
  ORDER BY 1, 2, 3
  FOR UPDATE OF u
), changed AS (
  UPDATE quota_use u SET
    requests = u.requests + $5 - coalesce((SELECT requests FROM gone), 0),
    tokens = u.tokens + $6 - coalesce((SELECT tokens FROM gone), 0),
    cost_micros = u.cost_micros + $7 - coalesce((SELECT cost_micros FROM gone), 0)
  FROM held h
  WHERE u.quota_id = h.quota_id AND u.starts_at = h.starts_at AND u.who = h.who
)
"""
END = f"{CHANGE} SELECT 1"
USE = """
INSERT INTO usage AS t (day, account_id, model, provider, requests, failed, prompt_tokens,
  answer_tokens, cost_micros, milliseconds)
VALUES (${0}, ${1}, ${2}, ${3}, ${4}, ${5}, ${6}, ${7}, ${8}, ${9})
ON CONFLICT (day, account_id, model, provider) DO UPDATE SET
  requests = t.requests + excluded.requests, failed = t.failed + excluded.failed,
  prompt_tokens = t.prompt_tokens + excluded.prompt_tokens,
  answer_tokens = t.answer_tokens + excluded.answer_tokens,
  cost_micros = t.cost_micros + excluded.cost_micros,
  milliseconds = t.milliseconds + excluded.milliseconds
"""
SETTLE = CHANGE + USE.format(*range(8, 18))
USE_ALONE = USE.format(*range(1, 11))
# Leaves out those that are being settled: waiting for them while holding others could be for ever.
EXTEND = """
UPDATE reservation SET expires_at = $2 WHERE id IN (
  SELECT id FROM reservation WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE SKIP LOCKED
)
"""


class ServerBooks:
    """See Books."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes

    async def take(
        self, reservation: Reservation, limits: Sequence[Limit], expires_at: str
    ) -> Full | None:
        row = kept(reservation, expires_at)
        keys = _columns(reservation.counters)
        quotas = [one.quota for one in limits]
        values = (
            *keys,
            [one.requests for one in quotas],
            [one.tokens for one in quotas],
            [one.cost_micros for one in quotas],
            *astuple(reservation.amounts),
            len(limits),
            *(row[name] for name in ("id", "account_id", "model", "day", "expires_at")),
            orjson.dumps(row["counters"]).decode(),
        )
        rows = await self._lanes.fetch(TAKE, *values)
        if len(rows) < len(limits):  # the first of a period
            await self._lanes.fetch(BEGIN_COUNTERS, *keys)
            rows = await self._lanes.fetch(TAKE, *values)
        return None if rows and rows[0]["fits"] else _full(rows, limits, reservation.amounts)

    async def settle(self, reservation: Reservation, spent: Amounts, use: Use | None) -> None:
        added = astuple(use) if use else ()
        if reservation.counters:
            change = (reservation.id, *_columns(reservation.counters), *astuple(spent))
            await self._lanes.fetch(SETTLE if use else END, *change, *added)
        elif use:
            await self._lanes.fetch(USE_ALONE, *added)

    async def end(self, reservation: Reservation) -> None:
        await self.settle(reservation, Amounts(), None)

    async def extend(self, ids: Sequence[str], expires_at: str) -> None:
        await self._lanes.fetch(EXTEND, list(ids), expires_at)


def _columns(counters: Sequence[Counter]) -> tuple[list[str], list[str], list[str]]:
    return (
        [one.quota_id for one in counters],
        [one.starts_at for one in counters],
        [one.who for one in counters],
    )


def _full(rows: Sequence[Record], limits: Sequence[Limit], wanted: Amounts) -> Full:
    used = {
        Counter(row["quota_id"], row["starts_at"], row["who"]): Amounts(
            row["requests"], row["tokens"], row["cost_micros"]
        )
        for row in rows
    }
    for one in limits:
        so_far = used.get(one.counter, Amounts())
        if what := exceeds(one.quota, so_far, wanted):
            return Full(one, so_far, what)
    return Full(limits[0], used.get(limits[0].counter, Amounts()), "requests")
