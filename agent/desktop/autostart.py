"""Writes and takes away what makes the agent start with the computer: one file of this user, or
one value of the registry. What is switched on here runs from the next sign-in on."""

import importlib.util
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from agent.desktop import rules
from agent.desktop.rules import NOWHERE, Autostart, Surroundings, Way
from agent.shared.errors import Conflict, Unavailable

RUN_KEY = r"Software\Microsoft\Windows\CurrentVersion\Run"
APPROVED_KEY = r"Software\Microsoft\Windows\CurrentVersion\Explorer\StartupApproved\Run"

log = logging.getLogger(__name__)


class AutostartService:
    """Asks the system each time: its own settings may have changed it."""

    def __init__(
        self,
        folder: Path | None,
        environment: Mapping[str, str] = os.environ,
        platform: str = sys.platform,
    ) -> None:
        """`folder` is that of the data, where it is not the usual one."""
        self._folder, self._environment, self._platform = folder, environment, platform

    def look(self) -> Autostart:
        """Whether it is on. Raises nothing."""
        way = rules.way(self._around())
        is_on = any(self._is_on(each) for each in self._ways())
        return Autostart(is_on, way, None if way else NOWHERE)

    def switch(self, *, is_on: bool) -> Autostart:
        """Raises Conflict `no-autostart` where it cannot be, Unavailable `autostart-unwritable`."""
        way = rules.way(self._around())
        if is_on and way is None:
            raise Conflict("no-autostart", NOWHERE)
        try:
            for each in self._ways():
                if not is_on or each != way:
                    self._take_away(each)
            if is_on and way:
                self._write(way)
        except OSError as err:
            raise Unavailable(
                "autostart-unwritable",
                "What starts with the computer cannot be changed: "
                f"{err.strerror or type(err).__name__}.",
            ) from err
        log.info("starting with the computer is %s", "on" if is_on else "off")
        return self.look()

    # --- the ways ---------------------------------------------------------------------------------

    def _ways(self) -> tuple[Way, ...]:
        """Those of this system: one may be left from when there was no tray."""
        if self._platform == "win32":
            return ("run-key",)
        return ("launchagent",) if self._platform == "darwin" else ("xdg", "systemd")

    def _around(self) -> Surroundings:
        runtime = self._environment.get("XDG_RUNTIME_DIR", "")
        return Surroundings(
            platform=self._platform,
            has_tray=has_tray(),
            has_user_systemd=bool(runtime) and Path(runtime, "systemd").is_dir(),
            has_desktop=bool(
                self._environment.get("XDG_CURRENT_DESKTOP")
                or self._environment.get("DISPLAY")
                or self._environment.get("WAYLAND_DISPLAY")
            ),
        )

    def _is_on(self, way: Way) -> bool:
        if way == "run-key":
            return _has_run_value()
        try:
            written = self._file(way).read_text("utf-8", errors="replace")
        except OSError:
            return False
        if way == "systemd":
            return self._wanted().is_symlink()
        return way != "xdg" or not rules.is_switched_off(written)

    def _write(self, way: Way) -> None:
        words = rules.command(
            sys.executable,
            self._environment,
            has_tray=has_tray(),
            folder=str(self._folder) if self._folder else None,
        )
        if way == "run-key":
            _set_run_value(rules.run_value(words))
            return
        file = self._file(way)
        file.parent.mkdir(parents=True, exist_ok=True)
        if way == "xdg":
            _replace(file, rules.desktop_entry(words).encode())
        elif way == "launchagent":
            _replace(file, rules.launch_agent(words))
        else:
            _replace(file, rules.systemd_unit(words).encode())
            wanted = self._wanted()
            wanted.parent.mkdir(parents=True, exist_ok=True)
            wanted.unlink(missing_ok=True)
            wanted.symlink_to(file)

    def _take_away(self, way: Way) -> None:
        if way == "run-key":
            _set_run_value(None)
            return
        if way == "systemd":
            self._wanted().unlink(missing_ok=True)
        self._file(way).unlink(missing_ok=True)

    def _file(self, way: Way) -> Path:
        if way == "launchagent":
            return self._home / "Library" / "LaunchAgents" / f"{rules.LABEL}.plist"
        if way == "systemd":
            return self._config / "systemd" / "user" / f"{rules.FILE}.service"
        return self._config / "autostart" / f"{rules.FILE}.desktop"

    def _wanted(self) -> Path:
        """What `systemctl --user enable` makes."""
        file = self._file("systemd")
        return file.parent / "default.target.wants" / file.name

    @property
    def _home(self) -> Path:
        return Path(self._environment.get("HOME") or Path.home())

    @property
    def _config(self) -> Path:
        chosen = self._environment.get("XDG_CONFIG_HOME", "")
        return Path(chosen) if Path(chosen).is_absolute() else self._home / ".config"


def has_tray() -> bool:
    """Whether the window and the tray icon are installed with this agent."""
    return all(importlib.util.find_spec(name) is not None for name in ("webview", "ui"))


def _replace(file: Path, content: bytes) -> None:
    draft = file.with_name(f".{file.name}.{os.getpid()}")
    draft.write_bytes(content)
    draft.replace(file)


# --- Windows: written by its documents, not yet proved on a machine -------------------------------


def _has_run_value() -> bool:
    if sys.platform != "win32":
        return False
    import winreg  # platform only

    try:
        with winreg.OpenKey(winreg.HKEY_CURRENT_USER, RUN_KEY) as key:
            winreg.QueryValueEx(key, rules.NAME)
    except OSError:
        return False
    try:
        with winreg.OpenKey(winreg.HKEY_CURRENT_USER, APPROVED_KEY) as key:
            said = winreg.QueryValueEx(key, rules.NAME)[0]
    except OSError:
        return True  # nobody has said anything about it
    return not (said and said[0] & 1)  # Task Manager switches it off by an odd first byte


def _set_run_value(value: str | None) -> None:
    """Sets it, or with None takes it away; what Task Manager said of it goes too."""
    if sys.platform != "win32":
        return
    import winreg  # platform only

    for path in (APPROVED_KEY, RUN_KEY) if value is None else (APPROVED_KEY,):
        try:
            with winreg.OpenKey(winreg.HKEY_CURRENT_USER, path, 0, winreg.KEY_SET_VALUE) as key:
                winreg.DeleteValue(key, rules.NAME)
        except FileNotFoundError:
            continue
    if value is not None:
        with winreg.CreateKey(winreg.HKEY_CURRENT_USER, RUN_KEY) as key:
            winreg.SetValueEx(key, rules.NAME, 0, winreg.REG_SZ, value)
