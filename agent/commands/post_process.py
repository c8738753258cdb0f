"""What a slicer runs after each export: tells the agent of the file, and stands in nobody's way.

The standard library alone, and little of it: the slicer waits until this ends."""

import json
import os
import socket
import sys
import time
from collections.abc import Mapping

PATIENCE_S = 1.0  # for everything that the agent is asked
PREFIX = "SLIC3R_"
NOT_SETTINGS = ("pp_", "printhost_", "print_host", "post_process")  # of the call, or secret
SPELT_OTHERWISE = {"required_nozzle_hrc": "required_nozzle_HRC"}
FOLDER, FOLDER_VARIABLE = "orca-agents", "ORCA_AGENT_DATA_DIR"
WORD = "post-process"
OK, BLOCKED = 0, 1


def asked_plainly(arguments: list[str]) -> tuple[str, bool] | None:
    """The file and whether to be strict, for `post-process FILE [--strict]` and nothing else."""
    if arguments[:1] != [WORD]:
        return None
    rest = arguments[1:]
    files = [one for one in rest if one != "--strict"]
    if len(files) != 1 or files[0].startswith("-") or len(rest) - len(files) > 1:
        return None
    return files[0], len(rest) == 2


def run(file: str, *, strict: bool, data_dir: str | None = None) -> int:
    """Gives the exit code: 0, or 1 where a strict check blocks the file."""
    environment = os.environ
    settings = settings_of(environment)
    folder = data_dir or environment.get(FOLDER_VARIABLE) or default_folder(environment)
    notice = {
        "path": os.path.abspath(file),  # noqa: PTH100 - pathlib takes a third of the start
        "name": os.path.basename(  # noqa: PTH119
            environment.get("SLIC3R_PP_OUTPUT_NAME") or file
        )[:500],
        "host": environment.get("SLIC3R_PP_HOST", "")[:100],
        "settings": settings,
    }
    tell(os.path.expanduser(folder), notice)  # noqa: PTH111
    if not strict:
        return OK
    reasons = blocking(file, settings)
    for reason in reasons:
        sys.stderr.write(f"{reason}\n")
    return BLOCKED if reasons else OK


def settings_of(environment: Mapping[str, str]) -> dict[str, str]:
    """The slicer hands every setting over in the environment; what is secret stays there."""
    found = {}
    for name, value in environment.items():
        if name.startswith(PREFIX):
            key = name[len(PREFIX) :].lower()
            if not key.startswith(NOT_SETTINGS):
                found[SPELT_OTHERWISE.get(key, key)] = value
    return found


def default_folder(environment: Mapping[str, str]) -> str:
    """Where the agent keeps its data unless it was told otherwise."""
    home = os.path.expanduser("~")  # noqa: PTH111
    if sys.platform == "win32":
        base = environment.get("LOCALAPPDATA") or rf"{home}\AppData\Local"
    elif sys.platform == "darwin":
        base = f"{home}/Library/Application Support"
    else:
        base = environment.get("XDG_DATA_HOME", "").strip() or f"{home}/.local/share"
    return os.path.join(base, FOLDER)  # noqa: PTH118


def tell(folder: str, notice: Mapping[str, object]) -> int | None:
    """The status that the agent of this folder answered; None if none did in time."""
    deadline = time.monotonic() + PATIENCE_S
    try:
        port, token = _agent(folder)
        return _post(port, token, json.dumps(notice).encode(), deadline)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _agent(folder: str) -> tuple[int, str]:
    with open(f"{folder}/agent.json", encoding="utf-8") as file:  # noqa: PTH123
        said = json.load(file)
    if os.name == "posix":
        os.kill(int(said["pid"]), 0)  # asks whether it lives: a dead agent's port may be another's
    try:
        with open(f"{folder}/token", encoding="utf-8") as file:  # noqa: PTH123
            token = file.read().strip()
    except OSError:
        token = ""
    return int(said["port"]), token or str(said["token"])


def _post(port: int, token: str, body: bytes, deadline: float) -> int | None:
    head = (
        "POST /api/v1/slicer/notices HTTP/1.1\r\n"
        f"Host: 127.0.0.1:{port}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    ).encode("ascii")
    with socket.create_connection(("127.0.0.1", port), timeout=_left(deadline)) as wire:
        wire.settimeout(_left(deadline))
        wire.sendall(head + body)
        answer = b""
        while b"\r\n" not in answer:
            wire.settimeout(_left(deadline))
            if not (part := wire.recv(4096)):
                return None
            answer += part
    return int(answer.split(b" ", 2)[1])


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def blocking(file: str, settings: Mapping[str, str]) -> list[str]:
    """Why the file should not be printed, a line for each reason. What is not understood does
    not block: the slicer wrote it, and knows better."""
    from dataclasses import replace  # slow import
    from pathlib import Path  # slow import

    from agent.shared.errors import OrcaError  # slow import
    from agent.slicer.checks.checking import check  # slow import
    from agent.slicer.gcode.reading import read_gcode  # slow import
    from agent.slicer.rules import Severity  # slow import

    try:
        facts = read_gcode(Path(file))
    except (OSError, OrcaError) as err:
        sys.stderr.write(f"Orca Agents could not check the file: {err}\n")
        return []
    found = check(replace(facts, settings={**settings, **facts.settings}))
    return [
        f"{one.title} ({told}). {one.fix}"
        for one in found
        if one.severity is Severity.BLOCKING
        for told in [
            ", ".join(
                f"{each.key} {each.value}" + (f", {each.limit}" if each.limit else "")
                for each in one.evidence
            )
        ]
    ]
