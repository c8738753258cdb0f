"""What this computer has that a model could use. Every probe is bounded in time."""

import csv
import json
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from agent.models.cgroups import core_limit, memory_limit
from agent.shared.programs import answer_of

MIB = 1 << 20
SMALLEST_GPU_BYTES = 1_000_000_000  # less is what an integrated one sets aside for the screen
AMD, NVIDIA, INTEL = "0x1002", "0x10de", "0x8086"
VENDORS = {AMD: "AMD graphics", NVIDIA: "NVIDIA graphics", INTEL: "Intel graphics"}
NVIDIA_SMI = ("--query-gpu=name,memory.total", "--format=csv,noheader,nounits")
DISPLAY_CLASS = (
    r"HKLM:\SYSTEM\CurrentControlSet\Control\Class\{4d36e968-e325-11ce-bfc1-08002be10318}\0*"
)
ASK_WINDOWS = (
    f"Get-ItemProperty '{DISPLAY_CLASS}' -ErrorAction SilentlyContinue | "
    "Select-Object DriverDesc,'HardwareInformation.qwMemorySize' | ConvertTo-Json -Compress"
)
NO_NVIDIA_SMI = (
    "There is a graphics card of NVIDIA, but nvidia-smi does not tell its memory: "
    "it is not counted."
)


@dataclass(frozen=True, slots=True)
class Gpu:
    """A graphics processor with memory of its own, or the one that shares Apple's."""

    name: str
    memory_bytes: int | None
    found_by: str


@dataclass(frozen=True, slots=True)
class Machine:
    """What was found, and how. Memory and cores are those that this program may use."""

    system: str
    memory_bytes: int
    memory_found_by: str
    cores: int
    cores_found_by: str
    gpus: tuple[Gpu, ...] = ()
    has_unified_memory: bool = False
    notes: tuple[str, ...] = ()

    @property
    def gpu_bytes(self) -> int:
        """Graphics memory of all cards together: a model is spread over them."""
        return sum(gpu.memory_bytes or 0 for gpu in self.gpus)

    def to_json(self) -> dict[str, object]:
        return {
            "system": self.system,
            "memory_bytes": self.memory_bytes,
            "memory_found_by": self.memory_found_by,
            "cores": self.cores,
            "cores_found_by": self.cores_found_by,
            "gpu_memory_bytes": self.gpu_bytes,
            "has_unified_memory": self.has_unified_memory,
            "gpus": [
                {"name": one.name, "memory_bytes": one.memory_bytes, "found_by": one.found_by}
                for one in self.gpus
            ],
            "notes": list(self.notes),
        }


def detect(
    *, system: str = sys.platform, root: Path = Path("/"), path: str | None = None
) -> Machine:
    """Looks once. Takes up to some seconds where a driver is slow: never call it in the loop.

    `root` is where /proc and /sys are, `path` where programs are looked for."""
    memory, memory_by = memory_in_reach(system=system, root=root)
    cores, cores_by = _cores(system, root)
    has_unified_memory = False
    notes: tuple[str, ...] = ()
    if system == "darwin":
        gpus = _apple(path)
        has_unified_memory = bool(gpus)
    else:
        gpus = _nvidia(root, path)
        gpus += _windows(path) if system == "win32" else _linux(root, path)
        if any(gpu.found_by == "nvidia-smi" for gpu in gpus):
            gpus = [gpu for gpu in gpus if gpu.found_by == "nvidia-smi" or not _is_nvidia(gpu)]
        elif NVIDIA in _vendors(root):
            notes = (NO_NVIDIA_SMI,)
    return Machine(
        {"darwin": "macos", "win32": "windows"}.get(system, system),
        memory,
        memory_by,
        cores,
        cores_by,
        tuple(gpus),
        has_unified_memory,
        notes,
    )


def memory_in_reach(*, system: str = sys.platform, root: Path = Path("/")) -> tuple[int, str]:
    """Bytes of memory that this program may use, and who says so. Quick."""
    total = psutil.virtual_memory().total
    limit = memory_limit(root) if system == "linux" else None
    if limit is not None and limit < total:
        return limit, "the limit of this container (cgroup)"
    return total, "the system"


def nvidia_cards(text: str) -> Iterator[Gpu]:
    """The cards in nvidia-smi's answer: lines of name and MiB."""
    for row in csv.reader(text.splitlines(), skipinitialspace=True):
        # Those that share the computer's memory say [N/A].
        if len(row) == 2 and row[1].strip().isdecimal():
            yield Gpu(row[0].strip(), int(row[1]) * MIB, "nvidia-smi")


def rocm_cards(text: str) -> Iterator[Gpu]:
    """The cards in rocm-smi's answer as JSON."""
    for card, facts in _object(text).items():
        if card.startswith("card") and isinstance(facts, dict):
            told = str(facts.get("VRAM Total Memory (B)", ""))
            if told.isdecimal() and int(told) >= SMALLEST_GPU_BYTES:
                name = str(facts.get("Card Series") or facts.get("Card series") or VENDORS[AMD])
                yield Gpu(name, int(told), "rocm-smi")


def windows_cards(text: str) -> Iterator[Gpu]:
    """The cards in Windows' registry as JSON: one object, or a list of them."""
    found = _json(text)
    for facts in found if isinstance(found, list) else [found]:
        if not isinstance(facts, dict):
            continue
        told = facts.get("HardwareInformation.qwMemorySize")
        if isinstance(told, int) and told >= SMALLEST_GPU_BYTES:
            yield Gpu(str(facts.get("DriverDesc") or "graphics card"), told, "the registry")


def _cores(system: str, root: Path) -> tuple[int, str]:
    cores, by = psutil.cpu_count(logical=False) or psutil.cpu_count() or 1, "the system"
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else cores
    if allowed < cores:
        cores, by = allowed, "the cores given to this program"
    quota = core_limit(root) if system == "linux" else None
    if quota is not None and quota < cores:
        cores, by = max(1, int(quota)), "the limit of this container (cgroup)"
    return cores, by


def _nvidia(root: Path, path: str | None) -> list[Gpu]:
    program = shutil.which("nvidia-smi", path=path) or root / "usr/lib/wsl/lib/nvidia-smi"
    return list(nvidia_cards(answer_of([program, *NVIDIA_SMI]) or ""))


def _linux(root: Path, path: str | None) -> list[Gpu]:
    found = []
    for card in sorted((root / "sys/class/drm").glob("card[0-9]*/device")):
        vendor = _text(card / "vendor")
        # amdgpu says it the first way, Intel's driver the second.
        told = _text(card / "mem_info_vram_total") or _text(card.parent / "lmem_total_bytes")
        if told.isdecimal() and int(told) >= SMALLEST_GPU_BYTES:
            name = _text(card / "product_name") or VENDORS.get(vendor, "graphics card")
            found.append(Gpu(name, int(told), "the kernel (/sys/class/drm)"))
    if not found and (program := shutil.which("rocm-smi", path=path)):
        asked = [program, "--showproductname", "--showmeminfo", "vram", "--json"]
        return list(rocm_cards(answer_of(asked) or ""))
    return found


def _windows(path: str | None) -> list[Gpu]:
    shell = shutil.which("powershell", path=path)
    asked = [shell, "-NoProfile", "-NonInteractive", "-Command", ASK_WINDOWS] if shell else []
    return list(windows_cards(answer_of(asked) or "")) if asked else []


def _apple(path: str | None) -> list[Gpu]:
    program = shutil.which("sysctl", path=path) or "/usr/sbin/sysctl"
    # A Python for Intel on an Apple chip calls the machine x86_64, the kernel does not.
    is_apple = platform.machine() == "arm64"
    is_apple |= (answer_of([program, "-n", "hw.optional.arm64"]) or "").strip() == "1"
    if not is_apple:
        return []
    name = (answer_of([program, "-n", "machdep.cpu.brand_string"]) or "").strip()
    return [Gpu(name or "Apple chip", None, "sysctl")]


def _vendors(root: Path) -> set[str]:
    return {_text(file) for file in (root / "sys/class/drm").glob("card[0-9]*/device/vendor")}


def _is_nvidia(gpu: Gpu) -> bool:
    return "nvidia" in gpu.name.lower() or "geforce" in gpu.name.lower()


def _text(file: Path) -> str:
    try:
        return file.read_text("utf-8", errors="replace").strip()
    except OSError:
        return ""


def _json(text: str) -> object:
    try:
        value: object = json.loads(text)
    except ValueError:
        return None
    return value


def _object(text: str) -> dict[str, object]:
    value = _json(text)
    return value if isinstance(value, dict) else {}
