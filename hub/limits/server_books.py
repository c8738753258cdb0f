"""The same in PostgreSQL, each step one statement: no row is held longer than the server needs.

Under READ COMMITTED, `FOR UPDATE` gives the newest values of the rows that it waited for, and the
UPDATE of the same statement changes those. What is checked is therefore what is changed."""

from collections.abc import Sequence
from dataclasses import astuple

import orjson

from hub.limits.books import Full, Limit, Use, kept
from hub.limits.lanes import Lanes, Record
from hub.limits.rules import Amounts, Counter, Reservation, exceeds
from hub.postgres import PostgresDatabase

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
# The usual case, one counter: nothing is to be locked in an order, and the row says itself whether
# it lets it.
TAKE_ONE = """
WITH taken AS (
  UPDATE quota_use
  SET requests = requests + $7, tokens = tokens + $8, cost_micros = cost_micros + $9
  WHERE quota_id = $1 AND starts_at = $2 AND who = $3
    AND ($7::bigint = 0 OR $4::bigint IS NULL OR requests + $7 <= $4)
    AND ($8::bigint = 0 OR $5::bigint IS NULL OR tokens + $8 <= $5)
    AND ($9::bigint = 0 OR $6::bigint IS NULL OR cost_micros + $9 <= $6)
  RETURNING 1
)
INSERT INTO reservation (id, account_id, model, day, expires_at, requests, tokens, cost_micros,
  counters)
SELECT $10, $11, $12, $13, $14, $7, $8, $9, $15::json FROM taken
RETURNING id
"""
# `gone` is what was set aside; nothing if that has ended, or ended by another replica.
GONE = """
WITH gone AS MATERIALIZED (
  DELETE FROM reservation WHERE id = $1 RETURNING requests, tokens, cost_micros
), """
SPENT = """
    requests = u.requests + $5 - coalesce((SELECT requests FROM gone), 0),
    tokens = u.tokens + $6 - coalesce((SELECT tokens FROM gone), 0),
    cost_micros = u.cost_micros + $7 - coalesce((SELECT cost_micros FROM gone), 0)
"""
CHANGE = f"""{GONE} held AS MATERIALIZED (
  SELECT u.quota_id, u.starts_at, u.who
  FROM quota_use u
  JOIN unnest($2::text[], $3::text[], $4::text[]) AS w (quota_id, starts_at, who)
    ON u.quota_id = w.quota_id AND u.starts_at = w.starts_at AND u.who = w.who
  ORDER BY 1, 2, 3
  FOR UPDATE OF u
), changed AS (
  UPDATE quota_use u SET {SPENT}
  FROM held h
  WHERE u.quota_id = h.quota_id AND u.starts_at = h.starts_at AND u.who = h.who
)
"""  # noqa: S608 - of statements alone
CHANGE_ONE = f"""{GONE} changed AS (
  UPDATE quota_use u SET {SPENT}
  WHERE u.quota_id = $2 AND u.starts_at = $3 AND u.who = $4
)
"""  # noqa: S608 - as above
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
SETTLE_ONE = CHANGE_ONE + USE.format(*range(8, 18))
# Without a quota there is no reservation whose end would tell that it was counted.
IF_FRESH = USE.replace(
    "VALUES (${0}, ${1}, ${2}, ${3}, ${4}, ${5}, ${6}, ${7}, ${8}, ${9})",
    "SELECT $1::text, $2::text, $3::text, $4::text, $5::bigint, $6::bigint, $7::bigint, "
    "$8::bigint, $9::bigint, $10::bigint FROM fresh",
)
USE_ALONE = f"""
WITH fresh AS (
  INSERT INTO usage_counted (id, day) VALUES ($11, $12) ON CONFLICT DO NOTHING RETURNING 1
)
{IF_FRESH}
"""  # noqa: S608 - of statements alone
# Leaves out those that are being settled: waiting for them while holding others could be for ever.
EXTEND = """
UPDATE reservation SET expires_at = $2 WHERE id IN (
  SELECT id FROM reservation WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE SKIP LOCKED
)
"""


class ServerBooks:
    """See Books.

    What is set aside does not wait for the disk: if the server crashes and forgets it, settling
    counts all that was used, as it does when a reservation has ended."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._settling = Lanes(database)
        self._taking = Lanes(database, waits_for_disk=False)

    async def close(self) -> None:
        await self._settling.close()
        await self._taking.close()

    async def take(
        self, reservation: Reservation, limits: Sequence[Limit], expires_at: str
    ) -> Full | None:
        row = kept(reservation, expires_at)
        quotas = [one.quota for one in limits]
        words = (
            *(row[name] for name in ("id", "account_id", "model", "day", "expires_at")),
            orjson.dumps(row["counters"]).decode(),
        )
        amounts = _values(reservation.amounts)
        if len(limits) == 1:
            most = (quotas[0].requests, quotas[0].tokens, quotas[0].cost_micros)
            only = _key(reservation.counters[0])
            if await self._taking.fetch(TAKE_ONE, *only, *most, *amounts, *words):
                return None
        keys = _columns(reservation.counters)
        values = (
            *keys,
            [one.requests for one in quotas],
            [one.tokens for one in quotas],
            [one.cost_micros for one in quotas],
            *amounts,
            len(limits),
            *words,
        )
        rows = await self._taking.fetch(TAKE, *values)
        if len(rows) < len(limits):  # the first of a period
            await self._taking.fetch(BEGIN_COUNTERS, *keys)
            rows = await self._taking.fetch(TAKE, *values)
        return None if rows and rows[0]["fits"] else _full(rows, limits, reservation.amounts)

    async def settle(self, reservation: Reservation, spent: Amounts, use: Use | None) -> None:
        added = astuple(use) if use else ()
        counters = reservation.counters
        if len(counters) == 1 and use:
            change = (reservation.id, *_key(counters[0]), *_values(spent))
            await self._settling.fetch(SETTLE_ONE, *change, *added)
        elif counters:
            several = (reservation.id, *_columns(counters), *_values(spent))
            await self._settling.fetch(SETTLE if use else END, *several, *added)
        elif use:
            await self._settling.fetch(USE_ALONE, *added, reservation.key, reservation.day)

    async def end(self, reservation: Reservation) -> None:
        await self.settle(reservation, Amounts(), None)

    async def extend(self, ids: Sequence[str], expires_at: str) -> None:
        await self._taking.fetch(EXTEND, list(ids), expires_at)


def _key(counter: Counter) -> tuple[str, str, str]:
    return counter.quota_id, counter.starts_at, counter.who


def _values(amounts: Amounts) -> tuple[int, int, int]:
    return amounts.requests, amounts.tokens, amounts.cost_micros


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
