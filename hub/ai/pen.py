"""Runs written down in PostgreSQL with one way there and back for each step."""

import json
from collections.abc import Sequence

from agent.runs.jobs import Job
from agent.runs.live import LiveRun
from agent.runs.owning import TakenError
from agent.runs.pen import Last, Pen
from agent.runs.rules import ALIVE, Chunk, Ending, Run, RunState
from agent.shared.databases import Databases
from hub.ai.job import Answering
from hub.ai.replicas import Replica
from hub.limits.lanes import Lanes

# Of a server one may not hear that it has committed. The same events come again then, and more.
KEEP = """
  ON CONFLICT (run_id, first_seq)
  DO UPDATE SET last_seq = excluded.last_seq, payload = excluded.payload
"""
SAVE = f"""
WITH held AS MATERIALIZED (
  SELECT id, state FROM run
  WHERE id = ANY($1::text[]) AND replica = $2 AND state = ANY($3::text[])
  ORDER BY id
  FOR UPDATE
), begun AS (
  UPDATE run SET state = $4, started_at = w.started_at
  FROM unnest($1::text[], $6::text[]) AS w (id, started_at)
  JOIN held h ON h.id = w.id
  WHERE h.state = $5 AND w.started_at IS NOT NULL AND run.id = w.id
), kept AS (
  INSERT INTO run_segment (run_id, first_seq, last_seq, payload)
  SELECT h.id, w.first_seq, w.last_seq, w.payload
  FROM unnest($1::text[], $7::int[], $8::int[], $9::bytea[])
    AS w (id, first_seq, last_seq, payload)
  JOIN held h ON h.id = w.id
  {KEEP}
)
SELECT id FROM held
"""  # noqa: S608 - of statements alone
END = f"""
WITH ended AS (
  UPDATE run SET state = $4, started_at = $5, ended_at = $6, last_seq = $7, problem = $8::json,
    model = $9, provider = $10, usage = $11::json
  WHERE id = $1 AND replica = $2 AND state = ANY($3::text[])
  RETURNING id
), kept AS (
  INSERT INTO run_segment (run_id, first_seq, last_seq, payload)
  SELECT e.id, w.first_seq, w.last_seq, w.payload
  FROM ended e, unnest($12::int[], $13::int[], $14::bytea[]) AS w (first_seq, last_seq, payload)
  {KEEP}
)
SELECT id FROM ended
"""  # noqa: S608 - as above
STATES = [state.value for state in ALIVE]


class LanePen(Pen):
    """Saves by one statement, and ends so what leaves nothing behind but its run. Else as Pen."""

    def __init__(self, database: Databases, replica: Replica, lanes: Lanes) -> None:
        super().__init__(database, replica)
        self._replica, self._lanes = replica, lanes

    async def save(self, rows: Sequence[tuple[Run, Chunk]]) -> set[str]:
        chunks = [chunk for _, chunk in rows]
        held = await self._lanes.fetch(
            SAVE,
            [run.id for run, _ in rows],
            self._replica.id,
            STATES,
            RunState.RUNNING.value,
            RunState.QUEUED.value,
            [run.started_at if run.state is RunState.RUNNING else None for run, _ in rows],
            *_columns(chunks),
        )
        return {row["id"] for row in held}

    async def end(
        self, run: Run, job: Job, ending: Ending, live: LiveRun | None, ended_at: str
    ) -> tuple[Run, Chunk | None]:
        if live is None or not isinstance(job, Answering) or not job.leaves_nothing:
            return await super().end(run, job, ending, live, ended_at)
        last = Last.of(run, ending, live, ended_at)
        answer, data = job.closing(ending, live)
        closing, ended = last.closing(data), last.run
        held = await self._lanes.fetch(
            END,
            ended.id,
            self._replica.id,
            STATES,
            ended.state.value,
            ended.started_at,
            ended.ended_at,
            ended.last_seq,
            json.dumps(ended.problem) if ended.problem else None,
            answer.model,
            answer.provider,
            json.dumps(answer.usage) if answer.usage else None,
            *_columns([chunk for chunk in (last.unsaved, closing) if chunk]),
        )
        if not held:
            raise TakenError
        return ended, closing


def _columns(chunks: Sequence[Chunk]) -> tuple[list[int], list[int], list[bytes]]:
    return (
        [chunk.first for chunk in chunks],
        [chunk.last for chunk in chunks],
        [chunk.payload for chunk in chunks],
    )
