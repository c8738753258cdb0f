"""Says what the plugin would make the slicer ask for, with an audit hook as the slicer has one."""

import json
import sys
import threading

from tests.fakes.orca_module import NOBODY, FakeSlicer

WATCHED = (
    *("open", "import", "os.listdir", "os.remove", "os.rename", "subprocess.Popen"),
    *("http.client.connect", "urllib.Request"),
)
_calls = threading.local()
_seen: list[str] = []


def _hook(event: str, _arguments: object) -> None:
    if getattr(_calls, "is_plugin", False) and event in WATCHED:
        _seen.append(event)


def _watched(leave: bool | None) -> list[str]:  # noqa: FBT001 - as the fake has it
    """What happened on the slicer's thread while the plugin had it."""
    _seen.clear()
    host = FakeSlicer(leave=leave)
    host.load(NOBODY)
    page = host.open_page()
    host.on_ui(lambda: setattr(_calls, "is_plugin", True))
    page.say(t="hello")
    page.until(t="agent")
    page.say(t="ctx")
    page.say(t="pair")
    host.happens("GCodeExportFinished", msg="/tmp/a.gcode")
    host.on_ui(host.capability("AgentPanel").execute)
    host.unload()
    host.on_ui(lambda: setattr(_calls, "is_plugin", False))
    host.close()
    return sorted(set(_seen))


def main() -> None:
    sys.addaudithook(_hook)
    sys.stdout.write(json.dumps({"granted": _watched(True), "unasked": _watched(None)}))


if __name__ == "__main__":
    main()
