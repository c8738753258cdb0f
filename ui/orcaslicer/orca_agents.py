# /// script
# requires-python = ">=3.12"
# dependencies = []
#
# [tool.orcaslicer.plugin]
# name = "Orca Agents"
# description = "A private assistant on this computer: checks what you slice, and answers why."
# author = "Orca Agents"
# version = "0.1.0"
# ///
"""The thin end of Orca Agents inside OrcaSlicer 2.5 and newer: a tab that leads to the agent, and
what the slicer shows now, told to the agent on this computer and to nobody else.

Not yet proved on a live build: README.md says what to try there. The slicer's own thread takes
snapshots and nothing more; whatever may wait happens on one thread of ours. Everything is imported
here, since an import later on would read files and make the slicer ask for leave."""

import contextlib
import encodings.idna  # noqa: F401 - the first connection would import it
import http.client
import json
import queue
import threading
import time
import urllib.parse
from collections.abc import Callable
from typing import Any

import orca

VERSION = "0.1.0"
URL = "http://127.0.0.1:14434"
BASE = "/api/v1"
THREAD = "orca-agents"
PATIENCE_S, LOOK_EVERY_S, ASK_EVERY_S, REPEAT_S = 3.0, 1.0, 2.0, 60.0
SESSION_S = 80 * 86400  # the agent keeps a page signed in for ninety days
WAITING, ANSWER_BYTES, VALUE_CHARACTERS, OBJECTS = 200, 1 << 20, 500, 50
# What is told of every slice: enough to explain a print, and nothing of the printer's keys.
SETTINGS = """
layer_height initial_layer_print_height line_width outer_wall_line_width nozzle_diameter
wall_loops top_shell_layers bottom_shell_layers sparse_infill_density sparse_infill_pattern
enable_support support_type support_threshold_angle brim_type brim_width skirt_loops
outer_wall_speed inner_wall_speed sparse_infill_speed top_surface_speed travel_speed
initial_layer_speed bridge_speed default_acceleration outer_wall_acceleration seam_position
nozzle_temperature nozzle_temperature_initial_layer nozzle_temperature_range_low
nozzle_temperature_range_high hot_plate_temp textured_plate_temp curr_bed_type filament_type
filament_flow_ratio filament_max_volumetric_speed enable_pressure_advance pressure_advance
retraction_length filament_retraction_length z_hop fan_min_speed fan_max_speed
slow_down_layer_time close_fan_the_first_x_layers wall_generator spiral_mode print_sequence
printer_model gcode_flavor printable_height
""".split()  # noqa: SIM905 - one to a line would be a page
FIELDS = ("name", "code", "msg", "previous_name", "source")
Post = Callable[[dict[str, object]], object]
LOOKED_AT = ("New", "Project", "Preset", "Object", "Plate", "Slic", "GCode")


def asked(thing: object, *names: str, default: Any = None) -> Any:
    """The first of these that the host has, called if it can be. A host that lacks them, or fails
    at one, is no reason to fail: the answer is `default` then."""
    for name in names:
        try:
            found = getattr(thing, name)
            return found() if callable(found) else found
        except Exception:  # noqa: BLE001, S112 - whatever a host raises
            continue
    return default


def is_ours(url: str) -> bool:
    """Whether an address is of this computer: to no other does anything go."""
    try:
        parts = urllib.parse.urlsplit(url)
        has_port = parts.port is not None
    except ValueError:
        return False
    is_here = parts.hostname in {"127.0.0.1", "localhost"} and parts.username is None
    return parts.scheme == "http" and is_here and has_port


# --- what the slicer shows; on its own thread, as plain values --------------------------------


def snapshot() -> dict[str, object] | None:
    """Presets and plate as they are now. Never raises."""
    host = getattr(orca, "host", None)
    plater = asked(host, "plater")
    if asked(plater, "inside_snapshot_capture", default=False):
        return None
    bundle, version = asked(host, "preset_bundle"), asked(orca, "version", "__version__")
    return {
        "presets": [
            *_presets("machine", asked(bundle, "printers")),
            *_presets("process", asked(bundle, "prints")),
            *_presets("filament", asked(bundle, "filaments")),
        ],
        "objects": _objects(asked(plater, "model") or asked(host, "model")),
        "settings": _settings(bundle),
        "is_project_dirty": _flag(asked(plater, "is_project_dirty")),
        "slicer_version": version[:60] if isinstance(version, str) else None,
        "language": _text(asked(host, "app_language"), 20),
    }


def _presets(kind: str, collection: object) -> list[dict[str, object]]:
    edited = asked(collection, "edited_preset")
    name = _text(asked(edited, "name"), 300)
    if not name:
        return []
    return [
        {
            "type": kind,
            "name": name,
            "is_system": _flag(asked(edited, "is_system")),
            "is_dirty": _flag(asked(edited, "is_dirty")),
            "is_compatible": _flag(asked(edited, "is_compatible")),
            "unsaved": _unsaved(asked(collection, "selected_preset"), edited),
        }
    ]


def _unsaved(saved: Any, edited: Any) -> dict[str, list[str | None]]:
    """What differs between the preset as saved and as it is now."""
    if saved is None or not asked(edited, "is_dirty", default=True):
        return {}
    found = {}
    for key in asked(edited, "config_keys", default=()):
        with contextlib.suppress(Exception):
            before, now = saved.config_value(key), edited.config_value(key)
            if before != now and not _is_private(key) and len(found) < WAITING:
                found[str(key)[:80]] = [_text(before), _text(now)]
    return found


def _is_private(key: object) -> bool:
    return "host" in str(key) or str(key).endswith(("_gcode", "password", "apikey"))


def _objects(model: object) -> list[dict[str, object]]:
    told = []
    for one in list(asked(model, "objects", default=()) or ())[:OBJECTS]:
        box = asked(one, "bounding_box")
        size = asked(box, "size", default=None)
        told.append(
            {
                "name": _text(asked(one, "name"), 300) or "object",
                "triangles": _whole(asked(one, "triangle_count", "facets_count")),
                "size_mm": _three(size),
                "is_manifold": _flag(asked(one, "is_manifold", "manifold")),
            }
        )
    return told


def _settings(bundle: object) -> dict[str, str]:
    read = getattr(bundle, "full_config_value", None)
    told = {}
    for key in SETTINGS if callable(read) else ():
        with contextlib.suppress(Exception):
            value = _text(read(key))
            if value is not None:
                told[key] = value
    return told


def happened(event: object, ctx: object) -> dict[str, Any]:
    """An event of the slicer in plain values, whatever it is made of."""
    told = {field: _text(getattr(ctx, field, None)) for field in FIELDS}
    name = getattr(event, "name", None) or str(event).rpartition(".")[2]
    code = getattr(getattr(ctx, "code", None), "name", None) or told["code"]
    subject = told["name"] or told["source"]
    message = told["msg"] or told["previous_name"]
    return {
        "name": str(name)[:60] or "event",
        "subject": subject,
        "code": code[:60] if code else None,
        "message": message,
    }


def _text(value: object, longest: int = VALUE_CHARACTERS) -> str | None:
    if value is None:
        return None
    plain = value if isinstance(value, str) else str(value)
    return plain.encode("utf-8", "replace").decode("utf-8")[:longest]


def _flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _three(value: Any) -> list[float] | None:
    try:
        return [round(float(edge), 3) for edge in value] if len(value) == 3 else None
    except (TypeError, ValueError):
        return None


# --- the way to the agent; on a thread of ours ------------------------------------------------


class Refused(Exception):
    """The agent, or what stands at its port, said no."""


class Memory:
    """What is kept between starts, in the slicer's store for plugins: the agent's address, and the
    token that the user let us have. Changed on any thread, saved on the slicer's."""

    def __init__(self) -> None:
        self.url, self.token, self.signed_in_at = URL, "", 0.0
        self.is_changed = False
        self.is_allowed: bool | None = None  # None: nobody asked the user yet

    def read(self, text: object) -> None:
        """Takes up what was saved, as far as it makes sense."""
        with contextlib.suppress(ValueError, TypeError, AttributeError):
            saved = json.loads(text) if isinstance(text, str) else text
            url = str(saved.get("url") or URL).rstrip("/")
            self.url = url if is_ours(url) else URL
            self.token = str(saved.get("token") or "") if url == self.url else ""
            self.signed_in_at = float(saved.get("signed_in_at") or 0)

    def text(self) -> str:
        saved = {"url": self.url, "token": self.token, "signed_in_at": self.signed_in_at}
        return json.dumps(saved)

    def let_in(self, token: str) -> None:
        self.token, self.is_changed = token, True

    def sign_in(self, now_s: float) -> None:
        self.signed_in_at, self.is_changed = now_s, True

    def forget(self) -> None:
        """The agent does not know us any more."""
        self.token, self.signed_in_at, self.is_changed = "", 0.0, True


def talk(
    url: str,
    method: str,
    path: str,
    body: object = None,
    token: str | None = None,
    patience_s: float = PATIENCE_S,
) -> Any:
    """One request. Raises OSError where nobody answers, Refused where the answer is none.

    Not by urllib: the slicer asks the user about each address, and here that is one host."""
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=patience_s)
    headers = {"User-Agent": f"orca-agents-plugin/{VERSION}", "Accept": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    sent = None
    if body is not None:
        sent = json.dumps(body).encode()
        headers["Content-Type"] = "application/json"
    try:
        connection.request(method, BASE + path, sent, headers)
        answer = connection.getresponse()
        content = answer.read(ANSWER_BYTES)
        if not 200 <= answer.status < 300:
            raise Refused(answer.status)
        return json.loads(content) if content else {}
    except (http.client.HTTPException, ValueError) as err:
        raise Refused(0) from err
    finally:
        connection.close()


class Courier(threading.Thread):
    """Carries what happened to the agent, and the agent's answers to the pages. Ends by `halt`;
    the slicer never waits for it."""

    def __init__(self, memory: Memory) -> None:
        super().__init__(name=THREAD, daemon=True)
        self._jobs = queue.Queue(WAITING)
        self._memory, self._halted = memory, threading.Event()
        self._surfaces = {}
        self._state, self._events, self._pairing = None, [], None
        self._sent: dict[str, object] | None = None
        self._looked_at = self._failed_at = self._sent_at = 0.0

    def put(self, job: str, *values: object) -> None:
        """From any thread. What nobody can take any more is dropped."""
        with contextlib.suppress(queue.Full):
            self._jobs.put_nowait((job, values))

    def show(self, surface: str, post: Post) -> None:
        self._surfaces[surface] = post

    def halt(self) -> None:
        self._halted.set()
        self.put("wake")

    def run(self) -> None:
        while not self._halted.is_set():
            try:
                job, values = self._jobs.get(timeout=ASK_EVERY_S)
            except queue.Empty:
                job, values = "wake", ()
            try:
                getattr(self, f"_{job}")(*values)
                if self._jobs.empty():
                    self._deliver()
            except Exception:  # noqa: BLE001 - the outermost loop: a mistake must not end it
                self._failed_at, self._sent = time.monotonic(), None
        with contextlib.suppress(OSError, Refused):
            if self._memory.token and not self._failed_at:
                self._ask("DELETE", "/slicer/context", patience_s=1.0)

    def _wake(self) -> None:
        if self._pairing:
            self._poll_pairing()

    def _happened(self, event: dict[str, Any]) -> None:
        self._events = [*self._events, event][-WAITING // 2 :]
        if event["name"] == "GCodeExportFinished" and event["message"]:
            self._notice(event["message"])
        now = time.monotonic()
        if event["name"].startswith(LOOKED_AT) and now - self._looked_at >= LOOK_EVERY_S:
            self._looked_at = now
            self._tell_all({"t": "look"})  # the page answers, and so the slicer's thread is ours

    def _saw(self, state: dict[str, object] | None) -> None:
        self._state = state

    def _notice(self, path: str) -> None:
        name = path.replace("\\", "/").rpartition("/")[2] or "plate.gcode"
        if self._memory.token:
            with contextlib.suppress(Refused):  # an agent that does not know the route
                body = {"path": path, "name": name, "host": "plugin", "settings": {}}
                self._ask("POST", "/slicer/notices", body)

    def _deliver(self) -> None:
        """What waits, in one request; kept for later where nobody answers."""
        now = time.monotonic()
        if self._state == self._sent and now - self._sent_at < REPEAT_S:
            self._state = None  # the agent knows
        waits = self._failed_at and now - self._failed_at < ASK_EVERY_S
        if not self._memory.token or waits or not (self._state or self._events):
            return
        events = self._events[:100]
        try:
            self._ask("POST", "/slicer/context", {"state": self._state, "events": events})
        except Refused as err:
            if err.args[0] in {401, 403}:
                self._memory.forget()
        if self._state:
            self._sent, self._sent_at = self._state, now
        self._state, self._events, self._failed_at = None, [], 0.0

    def _hello(self, surface: str) -> None:
        """Says on a page how things stand, and leads it on where they stand well."""
        try:
            alive = talk(self._memory.url, "GET", "/health/live")
        except OSError:
            return self._tell(surface, {"t": "agent", "is": "absent"})
        except Refused:
            alive = None
        if not isinstance(alive, dict) or alive.get("status") != "alive":
            return self._tell(surface, {"t": "agent", "is": "other"})
        if self._pairing:
            return self._tell(surface, self._code())
        knows = "ready" if self._memory.token else "stranger"
        return self._tell(surface, {"t": "agent", "is": knows})

    def _open(self, surface: str) -> None:
        """Leads a page to the agent's own; signed in by a link of one use where it is not yet."""
        go = f"{self._memory.url}/ui"
        try:
            if time.time() - self._memory.signed_in_at > SESSION_S:
                go = self._ask("POST", "/tickets", {})["url"]
                self._memory.sign_in(time.time())
            else:
                self._ask("GET", "/session")
        except Refused as err:
            if err.args[0] not in {401, 403}:
                raise
            self._memory.forget()
            return self._tell(surface, {"t": "agent", "is": "stranger"})
        return self._tell(surface, {"t": "go", "url": go})

    def _pair(self, _surface: str) -> None:
        try:
            if not self._pairing:
                self._pairing = talk(self._memory.url, "POST", "/pairing", {"name": "OrcaSlicer"})
            self._tell_all(self._code())
        except Refused:  # too many ask at once
            self._tell_all({"t": "agent", "is": "stranger", "why": "refused"})

    def _poll_pairing(self) -> None:
        known = {"id": self._pairing["id"], "secret": self._pairing["secret"]}
        try:
            answer = talk(self._memory.url, "POST", "/pairing", known)
        except Refused:
            answer = {"state": "expired"}
        if answer.get("state") == "waiting":
            return
        self._pairing = None
        if answer.get("token"):
            self._memory.let_in(answer["token"])
            self._tell_all({"t": "look"})
            for surface in tuple(self._surfaces):
                self._hello(surface)
        else:
            self._tell_all({"t": "agent", "is": "stranger", "why": answer.get("state")})

    def _code(self) -> dict[str, object]:
        return {"t": "agent", "is": "waiting", "code": self._pairing.get("code", "")}

    def _ask(
        self, method: str, path: str, body: object = None, patience_s: float = PATIENCE_S
    ) -> Any:
        return talk(self._memory.url, method, path, body, self._memory.token, patience_s)

    def _tell_all(self, said: dict[str, object]) -> None:
        for surface in tuple(self._surfaces):
            self._tell(surface, said)

    def _tell(self, surface: str, said: dict[str, object]) -> None:
        with contextlib.suppress(Exception):  # a page that is gone already
            self._surfaces[surface](said)


class Desk:
    """What the parts of the plugin share: one memory, one courier, at most one panel."""

    def __init__(self) -> None:
        self.memory = Memory()
        self.courier: Courier | None = None
        self._keeper: Any = None
        self._panel: Any = None
        self._parts: set[int] = set()

    def open(self, part: Any) -> Courier:
        """From the slicer's thread. The first part that has a store keeps what is remembered."""
        self._parts.add(id(part))
        if self._keeper is None and hasattr(part, "save_config"):
            self._keeper = part
            self.memory.read(asked(part, "get_config"))
        if self.courier is None or not self.courier.is_alive():
            _end_threads()  # of a load before this one, whose module is gone
            self.courier = Courier(self.memory)
            self.courier.start()
        return self.courier

    def close(self, part: Any) -> None:
        """With the last part goes everything: no thread, no panel stays behind."""
        self.save()
        self._parts.discard(id(part))
        if self._parts:
            return
        asked(self._panel, "close")
        self._panel = self._keeper = None
        if self.courier is not None:
            self.courier.halt()
            self.courier.join(1.0)  # it may be waiting for the agent; it ends by itself then
            self.courier = None

    def save(self) -> None:
        """From the slicer's thread alone: its store is no place for ours."""
        if self.memory.is_changed and self._keeper is not None:
            with contextlib.suppress(Exception):
                self._keeper.save_config(self.memory.text())
                self.memory.is_changed = False

    def hear(self, surface: str, data: Any, post: Post) -> None:
        """A message of a page, on the slicer's thread: answered fast, or by the courier."""
        with contextlib.suppress(ValueError):
            data = json.loads(data) if isinstance(data, str) else data
        wish = data.get("t") if isinstance(data, dict) else None
        self.save()
        courier = self.courier
        if courier is None or wish not in {"hello", "ctx", "pair", "open"}:
            return
        if not self._may_connect():
            post({"t": "agent", "is": "denied"})
            return
        courier.show(surface, post)
        if wish in {"hello", "ctx"}:
            courier.put("saw", snapshot())
        if wish != "ctx":
            courier.put(wish, surface)

    def note(self, event: object, ctx: object) -> None:
        if self.courier is not None:
            self.courier.put("happened", happened(event, ctx))

    def show_panel(self) -> bool:
        """The panel beside the plate, else a window; False where the host has neither."""
        if asked(self._panel, "is_open", default=False):
            asked(self._panel, "show")
            return True
        ui = getattr(getattr(orca, "host", None), "ui", None)
        told: dict[str, Any] = {
            "on_message": lambda *said: self.hear("panel", said[-1], self._post),
            "on_close": lambda *_: setattr(self, "_panel", None),
        }
        for name, more in (("create_dock_panel", {"dock": "right"}), ("create_window", {})):
            if hasattr(ui, name):
                page = html(self.memory.url, "panel")
                self._panel = getattr(ui, name)(
                    page, "Orca Agents", width=360, height=640, **more, **told
                )
                return True
        return False

    def ask_leave(self) -> None:
        """Asks the user, through the host, for the one address that we talk to."""
        request = getattr(orca, "request_permissions", None)
        if not callable(request):
            return
        with contextlib.suppress(TypeError):  # a host that cannot be asked for the network
            self.memory.is_allowed = request(network_http=[self.memory.url]) is not False

    def _may_connect(self) -> bool:
        """Where leave could not be asked for, one knock on the slicer's thread lets the host ask:
        our own thread might pass unseen, which is no leave."""
        if self.memory.is_allowed is None:
            try:
                talk(self.memory.url, "GET", "/health/live", patience_s=0.3)
                self.memory.is_allowed = True
            except PermissionError:
                self.memory.is_allowed = False
            except (OSError, Refused):
                self.memory.is_allowed = True
            except Exception:  # noqa: BLE001 - however a host says no
                self.memory.is_allowed = False
        return self.memory.is_allowed

    def _post(self, said: dict[str, object]) -> None:
        if self._panel is not None:
            self._panel.post(said)


def _end_threads() -> None:
    for thread in threading.enumerate():
        if thread.name == THREAD and hasattr(thread, "halt"):
            thread.halt()


HTML = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Orca Agents</title><style>
body { margin: 0; padding: 24px; font: 14px/1.5 var(--orca-font, system-ui, sans-serif);
  color: var(--orca-fg, #222); background: var(--orca-bg, #fff); }
main { max-width: 34em; margin: 0 auto; }
h1 { font-size: 18px; }
p { overflow-wrap: anywhere; }
code, output { font-family: ui-monospace, monospace; }
output { display: block; font-size: 28px; letter-spacing: 4px; margin: 12px 0; }
button { font: inherit; padding: 6px 14px; margin: 0 8px 8px 0; cursor: pointer;
  border: 1px solid var(--orca-border, #888); border-radius: 4px;
  color: var(--orca-accent-fg, #fff); background: var(--orca-accent, #00796b); }
a { color: inherit; }
small { color: var(--orca-muted, #666); }
</style></head><body><main role="status" aria-live="polite">
<h1 id="head">Looking for the agent …</h1><p id="text"></p><output id="code" hidden></output>
<p><button id="pair" hidden>Connect this slicer</button>
<a id="open" href="__URL__/ui" hidden>Open the agent's page</a></p>
<small>__URL__</small>
</main><script>
(function () {
  var url = "__URL__", isPage = "__SURFACE__" === "page", answered = false, gone = false,
      isReady = false;
  function by(id) { return document.getElementById(id); }
  function say(what) {
    if (window.orca && window.orca.postMessage) { window.orca.postMessage(what); }
  }
  function show(head, text, code, pairs, opens) {
    by("head").textContent = head;
    by("text").textContent = text;
    by("code").textContent = code || "";
    by("code").hidden = !code;
    by("pair").hidden = !pairs;
    by("open").hidden = !opens;
  }
  function hear(told) {
    if (!told || gone) { return; }
    if (told.t === "look") { say({ t: "ctx" }); return; }
    if (told.t === "go" && told.url.indexOf(url + "/ui") === 0) {
      gone = true;
      say({ t: "save" });
      window.location.replace(told.url);
    }
    if (told.t !== "agent") { return; }
    answered = true;
    if (told.is === "absent") {
      show("The agent is not running",
        "Start it with: orca-agent serve. This page goes on by itself then.");
    } else if (told.is === "other") {
      show("Something else answers here",
        "Another program has the agent's port. orca-agent status says where the agent is.");
    } else if (told.is === "denied") {
      show("Not allowed",
        "OrcaSlicer was told not to let this plugin talk to the agent. Its permissions are in the "
        + "Plugins window.", "", false, true);
    } else if (told.is === "stranger") {
      show("The agent is running",
        told.why ? "That did not work (" + told.why + "). Try once more."
          : "Let the agent know this slicer, so that it sees what you slice.", "", true, true);
    } else if (told.is === "waiting") {
      show("Confirm this code",
        "In the agent's page or tray, or with: orca-agent token pair", told.code, false, true);
    } else if (told.is === "ready") {
      if (isPage) {
        say({ t: "open" });
      } else {
        isReady = true;
        show("Connected", "The agent sees what you slice.", "", false, true);
      }
    }
  }
  by("open").onclick = function (event) {
    if (isReady) { event.preventDefault(); say({ t: "open" }); }
  };
  by("pair").onclick = function () { say({ t: "pair" }); };
  if (window.orca && window.orca.onMessage) { window.orca.onMessage(hear); }
  function hello() { if (!gone) { say({ t: "hello" }); } }
  hello();
  setInterval(hello, 4000);
  setTimeout(function () {
    if (!answered) {
      show("No word from the plugin", "The agent may still run.", "", false, true);
    }
  }, 8000);
}());
</script></body></html>
"""


def html(url: str, surface: str) -> str:
    """The page that stands until the agent's own does. It holds no secret."""
    return HTML.replace("__URL__", url).replace("__SURFACE__", surface)


desk = Desk()
Pages = getattr(getattr(orca, "pages", None), "PagesPluginCapabilityBase", None)
Scripts = getattr(getattr(orca, "script", None), "ScriptPluginCapabilityBase", None)
PARTS: list[type] = []

if Pages is not None:

    class AgentPage(Pages):  # type: ignore[misc, valid-type]  # of the host
        """The tab. Leads to the agent's own page once the agent answers."""

        def get_name(self) -> str:
            return "Orca Agents"  # stored in presets: never to be changed

        def get_ui(self) -> str:
            desk.open(self)
            return html(desk.memory.url, "page")

        def get_icon(self) -> str:
            return ""

        def on_load(self) -> None:
            desk.open(self)

        def on_unload(self) -> None:
            desk.close(self)

        def on_message(self, data: object) -> None:
            desk.open(self)
            desk.hear("page", data, self.post_message)

        def on_lifecycle_event(self, event: object, ctx: object) -> None:
            """On whatever thread it comes: noted, and nothing else."""
            desk.note(event, ctx)

    PARTS.append(AgentPage)

if Scripts is not None:

    class AgentPanel(Scripts):  # type: ignore[misc, valid-type]  # of the host
        """Run from the Plugins window: the same page beside the plate."""

        def get_name(self) -> str:
            return "Orca Agents panel"

        def execute(self) -> object:
            desk.open(self)
            results = getattr(orca, "ExecutionResult", None)
            if desk.show_panel():
                return asked(results, "success")
            ui = getattr(getattr(orca, "host", None), "ui", None)
            if hasattr(ui, "message"):
                ui.message(f"Open {desk.memory.url}/ui in a browser.", "Orca Agents", "ok", "info")
            return asked(results, "skipped")

        def on_lifecycle_event(self, event: object, ctx: object) -> None:
            if Pages is None:  # else the tab does it
                desk.note(event, ctx)

        def on_unload(self) -> None:
            desk.close(self)

    PARTS.append(AgentPanel)


@orca.plugin
class OrcaAgents(orca.base):  # type: ignore[misc]  # of the host
    """What the slicer loads."""

    def register_capabilities(self) -> None:
        desk.ask_leave()
        for part in PARTS:
            orca.register_capability(part)
