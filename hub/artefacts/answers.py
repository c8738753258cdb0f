"""Files out of answers: kept in the transaction that ends a run, looked at by a job after it."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from agent.runs.rules import RunState
from agent.shared.databases import Databases
from agent.shared.errors import OrcaError
from agent.shared.problems import describe
from hub.ai.rules import Answer, OwnedRun
from hub.artefacts.checking import Checker
from hub.artefacts.fences import files_in
from hub.artefacts.keeping import Keeper, Kept, Place
from hub.artefacts.rules import CHECK, Origin, state_of
from hub.artefacts.shapes import artefact_json
from hub.artefacts.store import Artefacts
from hub.jobs.running import Job, Result
from hub.jobs.service import Jobs

Json = dict[str, object]


class AnswerFiles:
    """What of an answer is a file becomes one."""

    def __init__(self, keeper: Keeper, jobs: Jobs) -> None:
        self._keeper, self._jobs = keeper, jobs

    async def keep(
        self,
        connection: AsyncConnection,
        place: Place,
        run: OwnedRun,
        answer: Answer,
        *,
        names_all: bool,
    ) -> Json:
        """What the closing event says of them: `artefacts`, and why some were not kept.

        `names_all`: blocks without a name are files, too."""
        files = files_in(answer.content, names_all=names_all)
        if not files:
            return {"artefacts": []}
        origin = Origin("model", answer.model or None, run.run.id, run.run.message_id)
        kept, refused = await self._keeper.keep(connection, place, files, origin)
        await self._have_checked(connection, run.run.id, [one for one in kept if one.is_new])
        told: Json = {"artefacts": [artefact_json(one.artefact, one.version) for one in kept]}
        if isinstance(refused, OrcaError):
            told["artefacts_problem"] = describe(refused)
        return told

    async def _have_checked(
        self, connection: AsyncConnection, run_id: str, kept: list[Kept]
    ) -> None:
        if kept:
            versions = [[one.artefact["id"], one.artefact["version"]] for one in kept]
            payload = {"versions": versions}
            await self._jobs.enqueue(connection, CHECK, payload, key=f"{CHECK}:{run_id}")


class GeneratedPurpose:
    """Of a run that was asked for code: all that it wrote is files. Implements Purpose."""

    def __init__(self, files: AnswerFiles) -> None:
        self._files = files

    async def conclude(
        self, connection: AsyncConnection, run: OwnedRun, answer: Answer
    ) -> dict[str, object]:
        """Also of a run that was stopped: what there is may be of use."""
        if answer.state is RunState.FAILED and not answer.content:
            return {}
        about = run.about
        place = Place(
            run.account_id, str(about.get("set_id") or run.run.id), str(about.get("title") or "")
        )
        return await self._files.keep(connection, place, run, answer, names_all=True)


class Checks:
    """The job that looks at versions that models made."""

    def __init__(self, database: Databases, checker: Checker) -> None:
        self._database, self._checker = database, checker

    async def do(self, job: Job) -> Result:
        """Twice has the same effect as once."""
        wanted: list[tuple[str, int]] = [(one[0], one[1]) for one in job.payload["versions"]]
        async with self._database.reading() as connection:
            artefacts = Artefacts(connection)
            found = [await artefacts.to_check(*one) for one in wanted]
        files = [one for one in found if one is not None]
        checked = await self._checker.check([(one["language"], one["content"]) for one in files])
        async with job.finishing() as connection:
            for file, one in zip(files, checked, strict=True):
                findings: list[Mapping[str, Any]] = list(one.findings or ())  # Any: JSON values
                await Artefacts(connection).checked(
                    file["artefact_id"], file["number"], state_of(one.findings), findings
                )
            job.result = {"checked": len(files)}
        return None
