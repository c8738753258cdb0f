"""What may be decided about Ollama's process without looking at it: what it is told, when it is
started again, and whose it is."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

State = Literal["off", "external", "absent", "starting", "running", "waiting", "stopped", "failed"]
Owner = Literal["agent", "systemd", "app", "container", "other-user", "user", "unknown"]

HOST = "127.0.0.1"
# Every variable that Ollama reads. Others that begin so do nothing, whatever their name promises.
REAL = frozenset(
    {
        "OLLAMA_AUTH",
        "OLLAMA_CONTEXT_LENGTH",
        "OLLAMA_DEBUG",
        "OLLAMA_DEBUG_LOG_REQUESTS",
        "OLLAMA_EDITOR",
        "OLLAMA_FLASH_ATTENTION",
        "OLLAMA_GO_TEMPLATE",
        "OLLAMA_GPU_OVERHEAD",
        "OLLAMA_HOST",
        "OLLAMA_IGPU_ENABLE",
        "OLLAMA_KEEP_ALIVE",
        "OLLAMA_KV_CACHE_TYPE",
        "OLLAMA_LLM_LIBRARY",
        "OLLAMA_LOAD_TIMEOUT",
        "OLLAMA_MAX_LOADED_MODELS",
        "OLLAMA_MAX_QUEUE",
        "OLLAMA_MAX_TRANSFER_STREAMS",
        "OLLAMA_MODELS",
        "OLLAMA_NOHISTORY",
        "OLLAMA_NOPRUNE",
        "OLLAMA_NO_CLOUD",
        "OLLAMA_NUM_PARALLEL",
        "OLLAMA_ORIGINS",
        "OLLAMA_REMOTES",
        "OLLAMA_SCHED_SPREAD",
        "OLLAMA_VULKAN",
    }
)
# Of these the agent decides alone: who reaches the child, and that no prompt is written down.
OURS_ALONE = frozenset({"OLLAMA_HOST", "OLLAMA_ORIGINS", "OLLAMA_DEBUG_LOG_REQUESTS"})
DEVICES = frozenset(
    {
        "CUDA_VISIBLE_DEVICES",
        "GGML_VK_VISIBLE_DEVICES",
        "GPU_DEVICE_ORDINAL",
        "HIP_VISIBLE_DEVICES",
        "HSA_OVERRIDE_GFX_VERSION",
        "LLAMA_ARG_FIT",
        "LLAMA_ARG_FIT_TARGET",
        "ROCR_VISIBLE_DEVICES",
    }
)
# HTTP_PROXY is left out: it breaks Ollama's own way to its runners.
SURROUNDINGS = frozenset(
    {
        *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR", "XDG_RUNTIME_DIR"),
        *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR"),
        *("HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"),
        *("APPDATA", "COMSPEC", "LOCALAPPDATA", "PATHEXT", "PROGRAMDATA", "PROGRAMFILES"),
        *("SYSTEMDRIVE", "SYSTEMROOT", "TEMP", "TMP", "USERNAME", "USERPROFILE", "WINDIR"),
    }
)
LISTENS_TO_ALL = (
    "Ollama listens to the whole network and asks nobody for a password: "
    "let it listen on 127.0.0.1 alone."
)
SHARE_OF_MEMORY = 0.85
UNLOADED_BYTES = 3 << 30
TAKEN = re.compile(r"address already in use|Only one usage of each socket address")
FORBIDDEN = re.compile(r"forbidden by its access permissions|bind: permission denied")
LOG_PREFIX = re.compile(r"^(?:time=\S+ )?(?:level=\S+ )?(?:source=\S+ )?(?:msg=)?")


class Sight(StrEnum):
    """What answers at an address."""

    NOBODY = "nobody"
    OLLAMA = "ollama"
    STRANGER = "stranger"
    UNCLEAR = "unclear"  # something is there and does not say what it is


@dataclass(frozen=True, slots=True)
class Pace:
    """How often, and for how long. Seconds, but for the one count."""

    look_every_s: float = 5.0
    check_every_s: float = 2.0
    answer_within_s: float = 2.0
    starting_every_s: float = 0.1
    start_within_s: float = 60.0
    hung_after_s: float = 30.0
    grace_s: float = 3.0
    first_wait_s: float = 1.0
    longest_wait_s: float = 60.0
    healthy_after_s: float = 300.0
    weigh_every_s: float = 10.0
    missed_every_s: float = 1.0
    recycle_every_s: float = 3600.0
    give_up_after: int = 5


@dataclass(frozen=True, slots=True)
class Sizing:
    """What the child is told of the size of this computer."""

    context_tokens: int
    parallel: int
    max_loaded_models: int
    keep_alive: str

    @classmethod
    def of(cls, options: Mapping[str, int | str]) -> "Sizing":
        """From a profile's options; small values where it says nothing."""
        return cls(
            int(options.get("num_ctx", 4096)),
            int(options.get("num_parallel", 1)),
            int(options.get("max_loaded_models", 1)),
            str(options.get("keep_alive", "5m")),
        )


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that listens on a port, as far as this user may see it."""

    owner: Owner
    pid: int | None = None
    name: str | None = None
    listens_to_all: bool = False


@dataclass(frozen=True, slots=True)
class Ollama:
    """What is known of the local server. `is_managed`: it is a child of this agent."""

    state: State
    url: str
    detail: str | None = None
    binary: str | None = None
    version: str | None = None
    owner: Owner | None = None
    pid: int | None = None
    port: int | None = None
    is_managed: bool = False
    restarts: int = 0
    recycled: int = 0
    rss_bytes: int | None = None
    memory_limit_bytes: int | None = None
    started_at: str | None = None
    log_file: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


def child_environment(inherited: Mapping[str, str], sizing: Sizing, port: int) -> dict[str, str]:
    """What the child sees: its address on loopback, what a person set for it, and the sizing for
    the rest. Nothing else of this process's environment, which may hold secrets, goes along."""
    return {**sized(sizing), **surroundings(inherited, port)}


def surroundings(inherited: Mapping[str, str], port: int) -> dict[str, str]:
    """`child_environment` without a size."""
    handed_on = SURROUNDINGS | DEVICES | (REAL - OURS_ALONE)
    kept = {name: value for name, value in inherited.items() if name in handed_on}
    return {**kept, "OLLAMA_HOST": f"{HOST}:{port}"}


def sized(sizing: Sizing) -> dict[str, str]:
    """The variables that follow from the size of the computer."""
    return {
        "OLLAMA_CONTEXT_LENGTH": str(sizing.context_tokens),
        "OLLAMA_NUM_PARALLEL": str(sizing.parallel),
        "OLLAMA_MAX_LOADED_MODELS": str(sizing.max_loaded_models),
        "OLLAMA_KEEP_ALIVE": sizing.keep_alive,
    }


def unreal(inherited: Iterable[str]) -> list[str]:
    """Variables that look like Ollama's and are not."""
    return sorted(one for one in inherited if one.startswith("OLLAMA_") and one not in KNOWN)


# OLLAMA_URL is this program's; OLLAMA_API_KEY is read by Ollama's clients, and protects nothing.
KNOWN = REAL | {"OLLAMA_URL", "OLLAMA_API_KEY"}


def wait_s(failures: int, pace: Pace) -> float:
    """How long to wait before the next start, after so many failures in a row."""
    return float(min(pace.longest_wait_s, pace.first_wait_s * 2 ** max(0, failures - 1)))


def gives_up(failures: int, pace: Pace) -> bool:
    return failures >= pace.give_up_after


def memory_limit_bytes(memory_bytes: int, set_mb: int) -> int | None:
    """From which resident size on the child is started anew: as set, else a share of the memory."""
    if set_mb:
        return set_mb * 1_000_000
    return int(memory_bytes * SHARE_OF_MEMORY) or None


def outgrown(rss_bytes: int, limit_bytes: int | None, *, models_loaded: int) -> str | None:
    """Why the child should be started anew once it is idle; None if it should not."""
    if limit_bytes and rss_bytes > limit_bytes:
        return f"it holds {_gb(rss_bytes)}, more than the {_gb(limit_bytes)} that it may"
    if not models_loaded and rss_bytes > min(UNLOADED_BYTES, limit_bytes or UNLOADED_BYTES):
        return f"it holds {_gb(rss_bytes)} although no model is loaded"
    return None


def why_ended(code: int | None, last_lines: Sequence[str], port: int) -> str:
    """Why a child ended, in a sentence."""
    said = "\n".join(last_lines)
    if TAKEN.search(said):
        return f"Port {port} was taken by another program."
    if FORBIDDEN.search(said):
        return (
            f"The system does not give port {port} away. On Windows `netsh int ipv4 show "
            "excludedportrange tcp` lists the ports that it keeps for itself."
        )
    how = "it was ended" if code is None else f"it ended with exit code {code}"
    if code is not None and code < 0:
        how = f"it was ended by signal {-code}"
    last = next((line for line in reversed(last_lines) if line.strip()), "")
    last = LOG_PREFIX.sub("", last.strip())[:200]
    return f"Ollama did not stay: {how}{f', saying: {last}' if last else ''}."


def gave_up(sentence: str, failures: int) -> str:
    return (
        f"{sentence} That was {failures} times in a row: the agent gives up. "
        "`orca-agent runtime start` tries anew, `orca-agent runtime logs` says more."
    )


def kept_by(keeper: Owner) -> str:
    """Why none is started although nothing answers."""
    what = {"systemd": "The system's service", "app": "Ollama's app"}.get(keeper, "Another program")
    return f"{what} looks after Ollama here, which does not answer yet: the agent starts no other."


def does_nothing(variable: str) -> str:
    return f"{variable} is set, but Ollama has no such variable: it does nothing."


def how_to_stop(holder: Holder) -> str:
    """What a person does who wants a server to end that is not the agent's."""
    match holder.owner:
        case "systemd":
            return "The system's service runs it: `sudo systemctl stop ollama` ends it."
        case "app":
            return "Ollama's app runs it: quit the app in its menu."
        case "container":
            return "It runs in a container: stop that."
        case "other-user":
            return "It belongs to another user of this computer."
        case _:
            return "It was started by hand or by another program: end it there."


def where_its_log_is(owner: Owner, system: str) -> str:
    """Where the log of a server is that the agent did not start."""
    if owner == "systemd":
        place = "`journalctl -u ollama` shows it"
    elif system == "win32":
        place = r"it is at %LOCALAPPDATA%\Ollama\server.log"
    elif system == "darwin":
        place = "it is at ~/.ollama/logs/server.log"
    else:
        place = "whoever started it has its output"
    return f"The agent started no Ollama, and has no log of it: {place}."


def _gb(size_bytes: int) -> str:
    return f"{size_bytes / 1_000_000_000:.1f} GB"
