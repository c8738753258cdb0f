"""What one can do with the settings of a running agent: see them, change them, put them in force.

They are read once, when the program is opened: a change counts after the next opening."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Literal

from pydantic import ValidationError

from agent import wrong_settings
from agent.configuration.describing import described, kind_of, offered
from agent.configuration.file import SettingsFile
from agent.configuration.layers import FILE_NAME, MANAGED_NAME
from agent.configuration.rules import Origin, Setting, Value, fits
from agent.settings import BadSettings, Settings, load_again
from agent.shared.errors import Conflict, Invalid
from agent.shared.secrets import Secrets
from agent.shared.switch import Switch
from agent.shared.tasks import Tasks

When = Literal["now", "idle"]
IDLE_EVERY_S = 0.25

log = logging.getLogger(__name__)


class SettingsService:
    """`busy` counts what a restart would cut off."""

    def __init__(
        self, settings: Settings, secrets: Secrets, switch: Switch, busy: Callable[[], int]
    ) -> None:
        self._settings, self._secrets, self._switch = settings, secrets, switch
        self._busy = busy
        self._secrets_in: str | None = None
        self._file = SettingsFile(settings.data_dir / FILE_NAME)
        self._changing, self._waiting = asyncio.Lock(), Tasks()

    async def close(self) -> None:
        """Waits for no quiet moment any more."""
        await self._waiting.close()

    async def list_all(self) -> tuple[list[Setting], str | None]:
        """In the order of a page, with why the files cannot be used as they are now."""
        then, problem = await asyncio.to_thread(self._then)
        return [described(*one, self._settings, then) for one in offered()], problem

    @property
    def managed_name(self) -> str | None:
        """The file by which an administrator fixes settings."""
        file = self._settings.layers.managed_file
        return str(file) if file else None

    async def secrets_in(self) -> str:
        """Where keys are kept, in words for their owner."""
        if self._secrets_in is None:  # a keyring may take its time, and stays what it is
            self._secrets_in = await self._secrets.place()
        return self._secrets_in

    async def change(self, values: Mapping[str, Value]) -> None:
        """Writes values, and None for the default again, into the file: all of them or none.

        Raises Invalid, Conflict `setting-fixed` or `settings-file`, NoSpace and Unavailable."""
        fields = dict(offered())
        self._check_kinds(values)
        async with self._changing:
            names_of = {name: (*wrong_settings.plain_names(fields[name]), name) for name in values}
            text, sets = await asyncio.to_thread(self._file.draft, values, names_of)
            self._check_whole(sets)
            await asyncio.to_thread(self._file.write, text)
        log.info("settings were changed: %s", ", ".join(values) or "none")

    def restart(self, when: When = "now") -> int:
        """Opens the program anew, at once or when no run lives; says how many live."""
        busy = self._busy()
        if when == "now" or not busy:
            self._switch.restart()
        elif not len(self._waiting):
            self._waiting.start(self._restart_when_idle(), name="restart when idle")
        return busy

    def stop(self) -> int:
        """Ends the program; says how many runs live."""
        self._switch.stop()
        return self._busy()

    async def _restart_when_idle(self) -> None:
        while self._busy():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(IDLE_EVERY_S)
        self._switch.restart()

    def _then(self) -> tuple[Settings, str | None]:
        """What the next opening will find; what is in force where that cannot be used."""
        try:
            return load_again(self._settings), None
        except BadSettings as err:
            return self._settings, str(err)

    def _check_kinds(self, values: Mapping[str, Value]) -> None:
        fields, errors = dict(offered()), []
        for name, value in values.items():
            if name not in fields:
                errors.append({"field": name, "detail": "There is no such setting."})
                continue
            plain = wrong_settings.plain_names(fields[name])
            origin = self._settings.layers.origin(name, plain)
            if origin.is_fixed:
                raise Conflict("setting-fixed", _fixed(name, origin), field=name)
            if value is not None and not fits(kind_of(fields[name]), value):
                must = wrong_settings.allowed(name, fields[name])
                errors.append({"field": name, "detail": f"It must be {must}."})
        _refuse(errors)

    def _check_whole(self, sets: Mapping[str, object]) -> None:
        """What would be in force with a file that sets this. Raises Invalid."""
        try:
            Settings.of(replace(self._settings.layers, file=sets))
        except ValidationError as err:
            told = err.errors(include_url=False)
            _refuse([_problem(one) for one in told])


def _problem(error: Mapping[str, object]) -> dict[str, str]:
    fields = Settings.model_fields
    said = str(error["loc"][0])  # type: ignore[index]  # pydantic's own
    name = wrong_settings.name_of(said, fields)
    if name is None:
        return {"field": said, "detail": f"There is no such setting, but {FILE_NAME} has it."}
    if reason := wrong_settings.own_reason(name, error):
        return {"field": name, "detail": f"{reason[:1].upper()}{reason[1:]}."}
    return {"field": name, "detail": f"It must be {wrong_settings.allowed(name, fields[name])}."}


def _refuse(errors: list[dict[str, str]]) -> None:
    if errors:
        first = errors[0]
        detail = f"{first['field']}: {first['detail']} Nothing was changed."
        raise Invalid("invalid-settings", detail, errors=errors)


def _fixed(name: str, origin: Origin) -> str:
    if origin.source == "managed":
        by = f"An administrator fixes it for every user of this computer, in {MANAGED_NAME}."
    elif origin.source == "environment":
        by = f"{origin.name} in the environment of the agent fixes it."
    else:
        by = f"The option {origin.name} of the command that started the agent fixes it."
    return f"{name} cannot be changed here. {by}"
