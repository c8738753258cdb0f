"""The part of OrcaSlicer 2.5 that a plugin sees: the module `orca`, a thread of the user interface,
pages, prompts. Written from the description of its API; no slicer was asked."""

import contextlib
import importlib.util
import queue
import sys
import threading
import types
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, TypeVar

T = TypeVar("T")
PLUGIN = Path(__file__).parents[3] / "ui" / "orcaslicer" / "orca_agents.py"
PATIENCE_S = 20.0
NOBODY = "http://127.0.0.1:9"  # the discard port: nothing listens there


class FakePreset:
    """A preset as the host hands it out."""

    def __init__(self, name: str, config: dict[str, str], *, is_system: bool = False) -> None:
        self.name, self._config = name, config
        self.is_system, self.is_compatible, self.is_dirty = is_system, True, False

    def config_keys(self) -> list[str]:
        return list(self._config)

    def config_value(self, key: str) -> str:
        return self._config[key]


class FakeCollection:
    """Presets of one kind: one is chosen, and may be changed without being saved."""

    def __init__(self, check: Callable[[], None], chosen: FakePreset) -> None:
        self._check, self._saved, self.edited = check, chosen, chosen

    def change(self, **values: str) -> None:
        config = {key: self._saved.config_value(key) for key in self._saved.config_keys()}
        self.edited = FakePreset(self._saved.name, {**config, **values})
        self.edited.is_dirty = True

    def selected_preset(self) -> FakePreset:
        self._check()
        return self._saved

    def edited_preset(self) -> FakePreset:
        self._check()
        return self.edited


class FakeSlicer:
    """Loads the plugin as the slicer does, and runs its callbacks on one thread.

    `leave`: what the user says when asked: True, False, None for a build that cannot be asked for
    the network. `lacks`: dotted names that this build does not have."""

    def __init__(self, *, leave: bool | None = True, lacks: tuple[str, ...] = ()) -> None:
        self.leave, self.asked_for = leave, [dict[str, Any]()][:0]  # Any: whatever was asked for
        self.config: str | None = None
        self.wrong_threads: list[str] = []
        self.page: Surface | None = None
        self.panel: Surface | None = None
        self.messages: list[str] = []
        self._work: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._ui = threading.Thread(target=self._run, name="fake-ui", daemon=True)
        self._ui.start()
        self.filaments = FakeCollection(
            self._check, FakePreset("PETG", {"nozzle_temperature": "240", "printhost_apikey": "x"})
        )
        self.prints = FakeCollection(self._check, FakePreset("0.20mm", {}, is_system=True))
        self.printers = FakeCollection(self._check, FakePreset("Voron 0.4", {}))
        self.capabilities: list[Any] = []  # Any: of the plugin
        self.plugin: Any = None
        self.module: Any = None
        self.orca = self._module(lacks)

    # --- what a test does -----------------------------------------------------------------

    def load(self, url: str | None = None) -> None:
        """Imports the plugin anew, as "Refresh" does, and registers what it can do."""
        if url is not None:
            self.config = f'{{"url": "{url}"}}'
        self.on_ui(self._load)

    def unload(self) -> None:
        for one in self.capabilities:
            if hasattr(one, "on_unload"):
                self.on_ui(one.on_unload)
        self.capabilities = []

    def close(self) -> None:
        self.unload()
        self._work.put(None)
        self._ui.join(PATIENCE_S)

    def capability(self, name: str) -> Any:  # Any: of the plugin
        return next(one for one in self.capabilities if type(one).__name__ == name)

    def open_page(self) -> "Surface":
        """The user looks at the tab."""
        page = self.capability("AgentPage")
        html = self.on_ui(page.get_ui)
        self.page = Surface(self, html, page.on_message)
        return self.page

    def happens(self, event_name: str, /, **context: object) -> None:
        """An event, on a thread of its own as slicing has, and not on that of the interface."""
        event = SimpleNamespace(name=event_name)
        told = SimpleNamespace(**context)

        def raise_event() -> None:
            for one in self.capabilities:
                if hasattr(one, "on_lifecycle_event"):
                    one.on_lifecycle_event(event, told)

        thread = threading.Thread(target=raise_event)
        thread.start()
        thread.join(PATIENCE_S)

    def on_ui(self, work: Callable[[], T]) -> T:
        done: Future[T] = Future()

        def run() -> None:
            try:
                done.set_result(work())
            except BaseException as err:  # noqa: BLE001 - handed to whoever waits
                done.set_exception(err)

        self._work.put(run)
        return done.result(PATIENCE_S)

    # --- what the plugin sees -------------------------------------------------------------

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            work()

    def _check(self) -> None:
        if threading.current_thread() is not self._ui:
            self.wrong_threads.append(threading.current_thread().name)

    def _load(self) -> None:
        sys.modules["orca"] = self.orca
        try:
            spec = importlib.util.spec_from_file_location("orca_agents_plugin", PLUGIN)
            if spec is None or spec.loader is None:
                raise ImportError(PLUGIN)
            self.module = importlib.util.module_from_spec(spec)
            spec.loader.exec_module(self.module)
        finally:
            del sys.modules["orca"]
        self.plugin.register_capabilities()
        for one in self.capabilities:
            if hasattr(one, "on_load"):
                one.on_load()

    def _module(self, lacks: tuple[str, ...]) -> ModuleType:
        orca: Any = types.ModuleType("orca")  # Any: filled as the host fills it

        def plugin(kind: type) -> type:
            self.plugin = kind()
            return kind

        orca.base, orca.plugin = type("base", (), {}), plugin
        orca.register_capability = lambda kind: self.capabilities.append(kind())
        orca.ExecutionResult = SimpleNamespace(success=lambda: "success", skipped=lambda: "skipped")
        orca.request_permissions = self._request_permissions
        orca.version = "2.5.0"
        capability = {
            "get_config": lambda _: self.config,
            "save_config": lambda _, text: self._save(text),
            "post_message": lambda _, said: self.page.hear(said) if self.page else None,
        }
        orca.pages = SimpleNamespace(PagesPluginCapabilityBase=type("Pages", (), capability))
        orca.script = SimpleNamespace(ScriptPluginCapabilityBase=type("Script", (), {}))
        orca.host = self._host()
        for name in lacks:
            *path, last = name.split(".")
            place = orca
            for part in path:
                place = getattr(place, part)
            delattr(place, last)
        module: ModuleType = orca
        return module

    def _host(self) -> SimpleNamespace:
        box = SimpleNamespace(size=lambda: [20.0, 20.0, 10.0])
        cube = SimpleNamespace(
            name="cube", triangle_count=12, bounding_box=lambda: box, is_manifold=True
        )
        model = SimpleNamespace(objects=[cube])
        plater = SimpleNamespace(
            model=lambda: self._on_ui_alone(model),
            is_project_dirty=lambda: True,
            inside_snapshot_capture=lambda: False,
        )
        config = {"layer_height": "0.2", "nozzle_temperature": "240"}
        bundle = SimpleNamespace(
            prints=self.prints,
            printers=self.printers,
            filaments=self.filaments,
            full_config_value=lambda key: self._on_ui_alone(config[key]),
        )
        return SimpleNamespace(
            plater=lambda: self._on_ui_alone(plater),
            model=lambda: self._on_ui_alone(model),
            preset_bundle=lambda: self._on_ui_alone(bundle),
            app_language=lambda: "en_GB",
            ui=SimpleNamespace(
                create_dock_panel=self._dock,
                create_window=self._window,
                message=lambda *said: self.messages.append(said[0]),
            ),
        )

    def _on_ui_alone(self, value: T) -> T:
        self._check()
        return value

    def _save(self, text: str) -> bool:
        self._check()
        self.config = text
        return True

    def _request_permissions(self, **wanted: list[str]) -> bool:
        if self.leave is None and set(wanted) != {"fs_read"}:
            raise TypeError("unexpected keyword argument")
        self.asked_for.append(wanted)
        return bool(self.leave)

    def _dock(self, html: str, title: str, *, dock: str, **about: Any) -> "Surface":
        del dock
        return self._window(html, title, **about)

    def _window(
        self,
        html: str,
        title: str,
        *,
        width: int,
        height: int,
        on_message: Callable[..., object],
        on_close: Callable[..., object],
    ) -> "Surface":
        del title, width, height
        self.panel = Surface(self, html, on_message, on_close)
        return self.panel


class Surface:
    """A page of the plugin in a web view. What Python says to it can be waited for."""

    def __init__(
        self,
        slicer: FakeSlicer,
        html: str,
        on_message: Callable[..., object],
        on_close: Callable[..., object] = lambda: None,
    ) -> None:
        self.html, self.is_open = html, True
        self.on_message = on_message
        self._slicer, self._on_close = slicer, on_close
        self._heard: queue.Queue[dict[str, Any]] = queue.Queue()  # Any: JSON values

    def say(self, **said: object) -> None:
        """The page's script posts a message."""
        self.take(said)

    def take(self, said: object) -> None:
        """As `say`, of anything."""
        self._slicer.on_ui(lambda: self.on_message(said))

    def hear(self, said: dict[str, Any]) -> None:  # Any: JSON values
        self._heard.put(said)

    post = hear

    def show(self) -> None:
        self.is_open = True

    def close(self) -> None:
        self.is_open = False
        self._on_close()

    def until(self, **wanted: object) -> dict[str, Any]:  # Any: JSON values
        """The next message that has all of this. Answers what asks for a look on the way, as the
        page's script does."""
        while True:
            said = self._heard.get(timeout=PATIENCE_S)
            if said.get("t") == "look":
                self.say(t="ctx")
            if all(said.get(name) == value for name, value in wanted.items()):
                return said


@contextlib.contextmanager
def slicer(
    *, leave: bool | None = True, lacks: tuple[str, ...] = (), url: str | None = None
) -> Iterator[FakeSlicer]:
    """A slicer with the plugin loaded, closed at the end as a user closes it."""
    host = FakeSlicer(leave=leave, lacks=lacks)
    try:
        host.load(url)
        yield host
    finally:
        host.close()


def plugin_threads() -> list[threading.Thread]:
    """What the plugin has running."""
    return [thread for thread in threading.enumerate() if thread.name == "orca-agents"]
