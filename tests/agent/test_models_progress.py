"""How far a download is said to be, and whether it fits on the disk."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.inference.ollama_pull import PullFrame, PullReader, pull_failure
from agent.models.disk import free_bytes
from agent.models.progress import LARGEST, Progress
from agent.shared.errors import OrcaError, Unavailable

HERE, ELSEWHERE = "http://127.0.0.1:11434", "http://10.60.4.77:11434"
DIGEST = f"sha256:{'ab' * 32}"
Frame = tuple[float, str, str, int, int]


def told(*frames: Frame) -> Iterator[dict[str, object]]:
    """What is said after each of (seconds, status, digest, total, completed)."""
    now = 0.0
    progress = Progress(lambda: now)
    for at, status, digest, total, completed in frames:
        now = at
        progress.take(status, digest, total, completed)
        yield progress.to_json()


def test_layers_are_summed_up_and_what_was_there_says_nothing_of_the_speed() -> None:
    said = list(
        told(
            (0.0, "pulling manifest", "", 0, 0),
            (0.1, "pulling a", "a", 1000, 400),
            (1.1, "pulling a", "a", 1000, 500),
            (2.1, "pulling a", "a", 1000, 600),
            (2.2, "pulling b", "b", 50, 0),
            (2.3, "verifying sha256 digest", "", 0, 0),
        )
    )

    keys = ("status", "completed", "total", "bytes_per_second", "seconds_left")
    assert [tuple(one[key] for key in keys) for one in said] == [
        ("pulling manifest", 0, 0, None, None),
        ("downloading", 400, 1000, None, None),
        ("downloading", 500, 1000, 91, 6),
        ("downloading", 600, 1000, 95, 5),
        ("downloading", 1000, 1050, 273, 1),
        ("verifying sha256 digest", 1050, 1050, None, None),
    ]


def test_progress_never_goes_back_whatever_the_server_says() -> None:
    said = list(
        told(
            (0, "pulling a", "a", 1000, 900),
            (1, "pulling a", "a", 1000, 100),
            (2, "pulling a", "a", 10, 5000),
            (3, "pulling b", "b", 2**60, 2**59),
            (4, "pulling c", "c", 2**60, 2**59),
            (5, "success", "", 0, 0),
        )
    )

    assert [one["completed"] for one in said[:3]] == [900, 900, 1000]
    assert [one["total"] for one in said[:3]] == [1000] * 3
    assert said[-1]["completed"] == said[-1]["total"] == LARGEST


def test_the_speed_is_that_of_the_last_seconds_and_a_standstill_has_no_end() -> None:
    said = list(
        told(
            *((second, "pulling a", "a", 10_000, second * 1000) for second in range(3)),
            *((second, "pulling a", "a", 10_000, 2000) for second in range(3, 9)),
        )
    )

    assert (said[2]["bytes_per_second"], said[2]["seconds_left"]) == (1000, 8)
    assert (said[-1]["bytes_per_second"], said[-1]["seconds_left"]) == (0, None)


def test_lines_are_read_however_they_arrive() -> None:
    reader = PullReader("qwen3:4b")
    text = (
        b'{"status":"pulling manifest"}\n'
        b'{"status":"pulling ab","digest":"sha256:ab","total":7,"completed":3,"new":[1]}\n'
        b'{"status":"pulling ab","digest":"sha256:ab","total":-7,"completed":"x"}\n'
        b'{"status":"success"}\n'
    )

    frames = [frame for at in range(len(text)) for frame in reader.feed(text[at : at + 1])]

    assert frames == [
        PullFrame("pulling manifest"),
        PullFrame("pulling ab", "sha256:ab", 7, 3),
        PullFrame("pulling ab", "sha256:ab"),
        PullFrame("success"),
    ]
    assert reader.has_succeeded


@pytest.mark.parametrize("line", [b"<html>\n", b"[1]\n", b"x" * (2 << 20)])
def test_what_is_no_ollama_is_said_to_be_none(line: bytes) -> None:
    with pytest.raises(Unavailable) as caught:
        PullReader("qwen3:4b").feed(line)

    assert caught.value.code == "ollama-garbled"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("pull model manifest: file does not exist", "no-such-model"),
        (
            'pull model manifest: Get "https://x.io/v2/": dial tcp: i/o timeout',
            "registry-unreachable",
        ),
        ('Get "https://x.io/v2/": dial tcp: lookup x.io: no such host', "registry-unreachable"),
        ("write /srv/ollama/models/blobs/x: no space left on device", "disk-full"),
        ("pull model manifest: 412: requires a newer version of Ollama.", "ollama-too-old"),
        ("pull model manifest: 401: unauthorized", "registry-refused"),
        ("digest mismatch, file must be downloaded again", "download-corrupt"),
        ("something else in /home/ana/.ollama/models", "pull-failed"),
    ],
)
def test_ollamas_words_about_a_download_mean_something(text: str, code: str) -> None:
    error: OrcaError = pull_failure(text, "qwen3:4b")

    assert error.code == code
    assert error.detail.endswith((".", "…"))
    assert "/srv" not in error.detail
    assert "/home" not in error.detail


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    return tmp_path


def made(folder: Path, end: str) -> None:
    (folder / "blobs").mkdir(parents=True)
    (folder / "blobs" / f"sha256-{'ab' * 32}{end}").touch()


@pytest.mark.parametrize("end", ["", "-partial", "-partial-0"])
def test_the_layers_own_file_shows_which_disk_it_goes_to(home: Path, end: str) -> None:
    unknown = free_bytes(HERE, DIGEST, {})
    made(home / ".ollama/models", end)

    assert unknown is None
    assert (free_bytes(HERE, DIGEST, {}) or 0) > 0
    assert free_bytes(ELSEWHERE, DIGEST, {}) is None
    assert free_bytes(HERE, "sha256:../../x", {}) is None


def test_before_it_is_there_the_variable_that_somebody_set_does(home: Path) -> None:
    told = {"OLLAMA_MODELS": str(home / "not/yet/there")}

    assert (free_bytes(HERE, DIGEST, told) or 0) > 0
    assert free_bytes(HERE, DIGEST, {"OLLAMA_MODELS": "models"}) is None
