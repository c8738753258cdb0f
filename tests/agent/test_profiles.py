"""Which models suit a computer, what a person's own file may say, and what is detected."""

import os
import stat
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from agent.models import hardware, profile_file
from agent.models.cgroups import core_limit, memory_limit
from agent.models.hardware import Gpu, Machine, detect
from agent.models.profile_file import Drafts
from agent.models.profiles import BUILT_IN, Profiles
from agent.models.recommending import Overrides, laid_over, models_of, recommend
from agent.shared.errors import Invalid
from agent.shared.programs import answer_of
from agent.shared.tasks import running

GB = 10**9
TOLD = {
    *(f"qwen3:{size}" for size in ("0.6b", "1.7b", "4b", "8b", "14b", "30b", "32b")),
    *(f"qwen2.5-coder:{size}" for size in ("0.5b", "1.5b", "3b", "7b", "14b", "32b")),
    *(f"qwen3-vl:{size}" for size in ("2b", "4b", "8b", "30b", "32b")),
    *("qwen3-coder:30b", "hhao/qwen2.5-coder-tools:32b", "llama3.2-vision:11b-instruct-q8_0"),
    *("embeddinggemma", "qwen3-embedding", "all-minilm"),
}


def machine(
    memory_gb: float = 16, *, gpu_gb: float = 0, cores: int = 8, is_apple: bool = False
) -> Machine:
    gpus = (Gpu("Card", int(gpu_gb * GB), "nvidia-smi"),) if gpu_gb else ()
    return Machine("linux", int(memory_gb * GB), "the system", cores, "the system", gpus, is_apple)


@cache
def built_in() -> Drafts:
    drafts = profile_file.read(BUILT_IN)
    assert drafts is not None
    return drafts


def own(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "profiles.yaml"
    file.write_text(text, "utf-8")
    return file


# --- the choice -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("has", "profile", "text", "code", "vision"),
    [
        (machine(2, cores=2), "minimal", "qwen3:0.6b", "qwen2.5-coder:0.5b", "qwen3-vl:2b"),
        (machine(8.2, cores=4), "small", "qwen3:1.7b", "qwen2.5-coder:1.5b", "qwen3-vl:2b"),
        (machine(16.6, cores=2), "small", "qwen3:1.7b", "qwen2.5-coder:1.5b", "qwen3-vl:2b"),
        (machine(16.6, cores=6), "standard", "qwen3:4b", "qwen2.5-coder:3b", "qwen3-vl:4b"),
        (machine(16.6, gpu_gb=8.6), "comfortable", "qwen3:8b", "qwen2.5-coder:7b", "qwen3-vl:8b"),
        (machine(33, gpu_gb=17.2), "strong", "qwen3:14b", "qwen2.5-coder:14b", "qwen3-vl:8b"),
        (machine(128, cores=32), "many-cores", "qwen3:30b", "qwen3-coder:30b", "qwen3-vl:30b"),
        (
            machine(64, gpu_gb=25.7),
            "large",
            "qwen3:32b",
            "hhao/qwen2.5-coder-tools:32b",
            "llama3.2-vision:11b-instruct-q8_0",
        ),
        (
            machine(256, gpu_gb=96, cores=64),
            "largest",
            "qwen3:32b",
            "hhao/qwen2.5-coder-tools:32b",
            "qwen3-vl:32b",
        ),
        (machine(17.1, is_apple=True), "standard", "qwen3:4b", "qwen2.5-coder:3b", "qwen3-vl:4b"),
        (machine(34.3, is_apple=True), "strong", "qwen3:14b", "qwen2.5-coder:14b", "qwen3-vl:8b"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_computer_gets_what_it_can_carry(
    has: Machine, profile: str, text: str, code: str, vision: str
) -> None:
    found = recommend(has, built_in(), Overrides())

    best = {kind: names[0] for kind, names in found.models.items() if kind != "embedding"}
    assert (found.profile.name, best) == (profile, {"text": text, "code": code, "vision": vision})


def test_the_reason_says_what_there_is_and_what_more_would_take() -> None:
    found = recommend(machine(16.6, gpu_gb=8.6), built_in(), Overrides())

    assert found.why == (
        "This computer has 17 GB of memory, 8 cores and 9 GB of graphics memory (Card). "
        "Profile comfortable wants 7.5 GB of graphics memory; the next one, strong, would want "
        "31 GB of memory shared with the graphics or 15 GB of graphics memory."
    )


def test_every_model_of_the_built_in_profiles_is_one_that_ollama_has() -> None:
    profiles = recommend(machine(), built_in(), Overrides()).profiles

    assert models_of(profiles) == TOLD


def test_models_stay_five_minutes_in_memory_unless_something_else_is_said() -> None:
    profiles = recommend(machine(), built_in(), Overrides()).profiles

    assert {one.options["keep_alive"] for one in profiles} == {"5m"}


def test_what_a_person_set_goes_before_the_profile() -> None:
    overrides = Overrides(
        profile="small",
        models={"text": "mistral", "vision": "qwen3-vl:2b"},
        options={"num_ctx": 32000},
        set_by={"text": "ORCA_AGENT_TEXT_MODEL"},
    )

    found = recommend(machine(256, gpu_gb=96), built_in(), overrides)

    assert (found.profile.name, found.models, found.options) == (
        "small",
        {
            "text": ("mistral", "qwen3:1.7b"),
            "code": ("qwen2.5-coder:1.5b",),
            "vision": ("qwen3-vl:2b",),
            "embedding": ("embeddinggemma",),
        },
        {"num_ctx": 32000, "num_parallel": 1, "max_loaded_models": 1, "keep_alive": "5m"},
    )


def test_a_profile_that_is_none_is_refused_with_the_names_that_there_are() -> None:
    with pytest.raises(Invalid) as caught:
        recommend(machine(), built_in(), Overrides(profile="huge"))

    assert (caught.value.code, caught.value.detail) == (
        "no-such-profile",
        (
            "There is no profile called huge (the setting profile). There are: minimal, small, "
            "standard, comfortable, strong, many-cores, large, largest."
        ),
    )


# --- a person's own file ------------------------------------------------------------------------


def test_an_own_file_changes_what_it_names_and_leaves_the_rest(tmp_path: Path) -> None:
    file = own(
        tmp_path,
        "profiles:\n"
        "  - name: standard\n"
        "    models: {text: [llama3.1:8b, qwen3:4b]}\n"
        "    options: {keep_alive: -1}\n"
        "  - name: mine\n"
        "    needs: [{cores: 64}]\n"
        "    models: {text: gpt-oss:20b, vision: qwen3-vl:8b}\n",
    )
    drafts = profile_file.read(file)
    assert drafts is not None
    both = laid_over(built_in(), drafts, file)

    usual = recommend(machine(16.6), both, Overrides())
    mine = recommend(machine(16.6, cores=64), both, Overrides())

    assert (usual.profile.title, usual.models["text"], usual.models["code"]) == (
        "A laptop or an office computer",
        ("llama3.1:8b", "qwen3:4b"),
        ("qwen2.5-coder:3b",),
    )
    assert usual.options == {
        "num_ctx": 8192,
        "num_parallel": 1,
        "max_loaded_models": 2,
        "keep_alive": "-1",
    }
    assert (mine.profile.name, mine.models["text"]) == ("mine", ("gpt-oss:20b",))


WRONG = [
    (
        "profiles:\n  - name: mine\n    modles: {text: a}\n",
        "line 3: `modles` is no key of a profile; write `models` in its place.",
    ),
    (
        "profile: []\n",
        "line 1: `profile` is no key of the file; write `profiles` in its place.",
    ),
    (
        "profiles:\n- name: small\n  options: {threads: 4}\n",
        (
            "line 3: `threads` is no key of options; the keys here are num_ctx, num_parallel, "
            "max_loaded_models and keep_alive."
        ),
    ),
    (
        "profiles:\n- name: small\n  options:\n    num_ctx: many\n",
        "line 4: num_ctx must be a whole number from 512 to 1,000,000, not `many`.",
    ),
    (
        "profiles:\n- name: small\n  options:\n    keep_alive: soon\n",
        "line 4: keep_alive must be a time such as 5m, or -1 for ever, not `soon`.",
    ),
    (
        "profiles:\n- name: small\n  models: {text: 'two words'}\n",
        "line 3: text must be a model's name such as qwen3:8b, not `two words`.",
    ),
    ("profiles:\n- models: {text: a}\n", "line 2: a profile needs a name."),
    (
        "profiles:\n- {name: a, name: b}\n",
        "line 2: a profile has `name` twice, or as no plain word.",
    ),
    (
        "profiles:\n- name: small\n- name: small\n",
        "line 3: there are two profiles called small.",
    ),
    (
        "profiles:\n- name: mine\n  needs: [{memory_gb: 4}]\n",
        "line 2: the new profile mine lacks models: text and models: vision.",
    ),
    (
        "profiles:\n- name: small\n  needs: {memory_gb: 4}\n",
        "line 3: needs is a list, each line beginning with a dash.",
    ),
    (
        "profiles:\n- name: small\n  needs: [{memory_gb: .nan}]\n",
        "line 3: memory_gb must be a number from 0 to 100,000, not `.nan`.",
    ),
    (
        "profiles: [\n",
        "line 2: this is not YAML: expected the node content, but found '<stream end>'.",
    ),
    ("- small\n", "line 1: the file is written as `key: value` lines."),
]


@pytest.mark.parametrize(("text", "sentence"), WRONG, ids=[text[:40] for text, _ in WRONG])
def test_a_wrong_own_file_is_told_in_one_sentence_with_its_line(
    tmp_path: Path, text: str, sentence: str
) -> None:
    file = own(tmp_path, text)

    with pytest.raises(Invalid) as caught:
        laid_over(built_in(), profile_file.read(file) or Drafts(), file)

    assert (caught.value.code, caught.value.detail) == (
        "bad-profiles",
        f"profiles.yaml, {sentence}",
    )


@pytest.mark.parametrize(
    "raw",
    [b"\xff\xfe\x00", b"a: \x07", b"a" * 300_000, b"[" * 600, b"a: !!python/object:os.system x"],
    ids=["not UTF-8", "control", "large", "deep", "a tag"],
)
def test_a_file_that_is_hardly_one_is_refused_in_a_sentence(tmp_path: Path, raw: bytes) -> None:
    file = tmp_path / "profiles.yaml"
    file.write_bytes(raw)

    with pytest.raises(Invalid) as caught:
        profile_file.read(file)

    assert caught.value.code == "bad-profiles"
    assert caught.value.detail.endswith(".")


def test_an_own_file_may_be_missing_or_empty(tmp_path: Path) -> None:
    assert profile_file.read(tmp_path / "profiles.yaml") is None
    assert profile_file.read(own(tmp_path, "# nothing yet\n")) == Drafts()


# --- what there is ------------------------------------------------------------------------------


def put(root: Path, name: str, text: str) -> None:
    file = root / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")


def program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\n{script}\n", "utf-8")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)


@pytest.mark.parametrize(
    ("files", "bytes_", "cores"),
    [
        ({}, None, None),
        (
            {
                "proc/self/cgroup": "0::/user.slice/agent.scope\n",
                "sys/fs/cgroup/user.slice/memory.max": "2000000000\n",
                "sys/fs/cgroup/user.slice/agent.scope/memory.max": "max\n",
                "sys/fs/cgroup/user.slice/agent.scope/cpu.max": "150000 100000\n",
            },
            2_000_000_000,
            1.5,
        ),
        (
            {
                "proc/self/cgroup": "5:cpu,cpuacct:/docker/ab\n4:memory:/docker/ab\n0::/\n",
                "sys/fs/cgroup/memory/memory.limit_in_bytes": "1500000000\n",
                "sys/fs/cgroup/cpu/docker/ab/cpu.cfs_quota_us": "200000\n",
                "sys/fs/cgroup/cpu/docker/ab/cpu.cfs_period_us": "100000\n",
                "sys/fs/cgroup/cpu/cpu.cfs_quota_us": "-1\n",
                "sys/fs/cgroup/cpu/cpu.cfs_period_us": "100000\n",
            },
            1_500_000_000,
            2.0,
        ),
        (
            {"proc/self/cgroup": "garbage\n0::/a/../..\n", "sys/fs/cgroup/memory.max": "lots\n"},
            None,
            None,
        ),
    ],
    ids=["none", "new groups", "old groups", "garbage"],
)
def test_limits_of_a_container_are_respected(
    tmp_path: Path, files: dict[str, str], bytes_: int | None, cores: float | None
) -> None:
    for name, text in files.items():
        put(tmp_path, name, text)

    assert (memory_limit(tmp_path), core_limit(tmp_path)) == (bytes_, cores)


def test_memory_of_a_container_is_what_counts(tmp_path: Path) -> None:
    put(tmp_path, "proc/self/cgroup", "0::/\n")
    put(tmp_path, "sys/fs/cgroup/memory.max", "500000000\n")

    found = detect(system="linux", root=tmp_path, path=str(tmp_path))

    assert (found.memory_bytes, found.memory_found_by) == (
        500_000_000,
        "the limit of this container (cgroup)",
    )


@pytest.mark.skipif(os.name != "posix", reason="the programs are shell scripts")
def test_graphics_cards_are_found_by_what_the_system_has(tmp_path: Path) -> None:
    amd, tools = tmp_path / "amd", tmp_path / "tools"
    put(amd, "sys/class/drm/card0/device/vendor", "0x1002\n")
    put(amd, "sys/class/drm/card0/device/mem_info_vram_total", "17163091968\n")
    put(amd, "sys/class/drm/card1/device/vendor", "0x1002\n")
    put(amd, "sys/class/drm/card1/device/mem_info_vram_total", "536870912\n")  # integrated
    nvidia = tmp_path / "nvidia"
    put(nvidia, "sys/class/drm/card0/device/vendor", "0x10de\n")
    program(tools, "nvidia-smi", "echo 'NVIDIA GeForce RTX 4090, 24564'; echo 'GB10, [N/A]'")

    by_kernel = detect(system="linux", root=amd, path=str(tmp_path))
    by_tool = detect(system="linux", root=nvidia, path=str(tools))
    silent = detect(system="linux", root=nvidia, path=str(tmp_path))

    assert by_kernel.gpus == (Gpu("AMD graphics", 17163091968, "the kernel (/sys/class/drm)"),)
    assert by_tool.gpus == (Gpu("NVIDIA GeForce RTX 4090", 24564 << 20, "nvidia-smi"),)
    assert (silent.gpus, silent.notes) == ((), (hardware.NO_NVIDIA_SMI,))


@pytest.mark.skipif(os.name != "posix", reason="the programs are shell scripts")
def test_a_tool_that_hangs_is_left_after_its_time(tmp_path: Path) -> None:
    program(tmp_path, "slow", "exec sleep 60")

    assert answer_of([tmp_path / "slow"], within_s=0.05) is None


@pytest.mark.skipif(os.name != "posix", reason="the programs are shell scripts")
def test_apples_chips_share_their_memory(tmp_path: Path) -> None:
    program(tmp_path, "sysctl", 'case "$2" in hw.*) echo 1;; *) echo Apple M3 Max;; esac')

    found = detect(system="darwin", root=tmp_path, path=str(tmp_path))

    assert (found.system, found.has_unified_memory, found.gpus) == (
        "macos",
        True,
        (Gpu("Apple M3 Max", None, "sysctl"),),
    )


@pytest.mark.parametrize(
    ("read", "text", "found"),
    [
        (
            hardware.windows_cards,
            (
                '[{"DriverDesc":"RTX 3070","HardwareInformation.qwMemorySize":8589934592},'
                '{"DriverDesc":"UHD","HardwareInformation.qwMemorySize":134217728},null]'
            ),
            [Gpu("RTX 3070", 8589934592, "the registry")],
        ),
        (
            hardware.windows_cards,
            '{"DriverDesc":"Arc A770","HardwareInformation.qwMemorySize":17079205888}',
            [Gpu("Arc A770", 17079205888, "the registry")],
        ),
        (hardware.windows_cards, "<Objs>", []),
        (
            hardware.rocm_cards,
            '{"card0":{"Card Series":"MI210","VRAM Total Memory (B)":"68702699520"},"system":{}}',
            [Gpu("MI210", 68702699520, "rocm-smi")],
        ),
        (hardware.rocm_cards, "[]", []),
        (hardware.nvidia_cards, "NVIDIA-SMI has failed because it could not\n", []),
    ],
)
def test_what_tools_print_is_read_with_care(
    read: Callable[[str], list[Gpu]], text: str, found: list[Gpu]
) -> None:
    assert list(read(text)) == found


async def test_without_a_profile_that_there_is_the_one_that_fits_holds_meanwhile(
    tmp_path: Path,
) -> None:
    own(tmp_path, "profile: 1\n")
    overrides = Overrides(profile="huge", models={"text": "mistral"})
    seen = Profiles(tmp_path / "profiles.yaml", overrides, look=machine)
    async with running(machine=seen.run()):
        found = await seen.settle()
        with pytest.raises(Invalid):
            await seen.recommendation()

    assert found is not None
    assert (found.profile.name, found.models["text"]) == ("standard", ("mistral", "qwen3:4b"))


async def test_the_computer_is_looked_at_once_and_its_models_are_known_from_then_on(
    tmp_path: Path,
) -> None:
    looks = []

    def look() -> Machine:
        looks.append(1)
        return machine(300, gpu_gb=96)

    seen = Profiles(tmp_path / "profiles.yaml", Overrides(), look=look)
    before = seen.preferred(needs_vision=True)
    async with running(machine=seen.run()):
        found, again = await seen.settle(), await seen.recommendation()

    assert found is not None
    assert (before, found.profile.name, again.profile.name, len(looks)) == (
        (),
        "largest",
        "largest",
        1,
    )
    assert seen.preferred(needs_vision=True) == (
        "qwen3-vl:32b",
        "llama3.2-vision:11b-instruct-q8_0",
    )
