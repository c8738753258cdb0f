"""Addresses, options, budgets and unsafe versions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.inference.addresses import base_url
from agent.inference.options import OPTIONS, checked
from agent.inference.rules import (
    canonical_name,
    clamp,
    estimate_tokens,
)
from agent.inference.versions import security_warning
from agent.shared.errors import Invalid


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("", "http://127.0.0.1:11434"),
        ("  'localhost' ", "http://localhost:11434"),
        ("10.60.4.77", "http://10.60.4.77:11434"),
        ("box.local:8080", "http://box.local:8080"),
        (":8080", "http://127.0.0.1:8080"),
        ("box:99999", "http://box:11434"),
        ("box:none", "http://box:11434"),
        ("http://box", "http://box:80"),
        ("https://box/", "https://box:443"),
        ("HTTP://Box:1/Ollama/", "http://box:1/Ollama"),
        ("box/ollama", "http://box:11434/ollama"),
        ("::1", "http://[::1]:11434"),
        ("[::1]:5", "http://[::1]:5"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("http://0.0.0.0:3", "http://127.0.0.1:3"),
        ("0", "http://127.0.0.1:11434"),
        ("[::]:99", "http://[::1]:99"),
        ("::ffff:127.0.0.1", "http://127.0.0.1:11434"),
        ("0x7f.1", "http://127.0.0.1:11434"),
    ],
)
def test_an_address_is_read_as_ollama_reads_its_own(text: str, url: str) -> None:
    assert base_url(text) == url


@pytest.mark.parametrize(
    "text",
    [
        "ftp://box",
        "file:///etc/passwd",
        "http://user:secret@box",
        "user@box",
        "http://box?x=1",
        "http://box#x",
        "http://box:0",
        "http://box:99999",
        "http://[",
        "a b",
        "box\tbox",
        "http://169.254.169.254/latest",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "[::ffff:169.254.169.254]",
        "[::ffff:a9fe:a9fe]",
        "http://[fe80::1]:11434",
        "fe80::1%eth0",
        "224.0.0.1",
        "metadata.google.internal",
        "http://METADATA.google.internal./",
        "100.100.100.200",
        "[fd00:ec2::254]",
        "-box",
        "bö x",
    ],
)
def test_an_address_that_has_no_place_here_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=r"\.$") as caught:
        base_url(text)

    assert "secret" not in str(caught.value)


@given(st.text(max_size=40))
def test_any_text_is_an_address_or_a_sentence(text: str) -> None:
    problem = ""
    try:
        url = base_url(text)
    except ValueError as err:
        problem = str(err)

    assert problem.endswith(".") if problem else base_url(url) == url


# --- options ----------------------------------------------------------------------------------


def test_options_of_every_name_pass() -> None:
    options: dict[str, object] = {
        "num_keep": 4,
        "seed": 42,
        "num_predict": 60_000,
        "top_k": 40,
        "top_p": 0.9,
        "min_p": 0,
        "typical_p": 1.0,
        "repeat_last_n": 64,
        "temperature": 0.8,
        "repeat_penalty": 1.1,
        "presence_penalty": -0.5,
        "frequency_penalty": 0.5,
        "stop": ["</s>"],
        "num_ctx": 64_000,
        "num_batch": 512,
        "num_gpu": -1,
        "main_gpu": 0,
        "use_mmap": True,
        "num_thread": 8,
        "draft_num_predict": 4,
    }

    assert checked(options) == options
    assert options.keys() == OPTIONS.keys()


def test_a_whole_number_written_as_a_fraction_is_made_whole_and_null_is_left_out() -> None:
    assert checked({"num_ctx": 4096.0, "main_gpu": None}) == {"num_ctx": 4096}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mirostat", 1),
        ("low_vram", None),
        ("temperature", "hot"),
        ("temperature", True),
        ("temperature", 5.1),
        ("temperature", float("nan")),
        ("top_p", -0.1),
        ("top_k", 1.5),
        ("seed", 2**32),
        ("num_ctx", 0),
        ("num_ctx", False),
        ("use_mmap", "yes"),
        ("stop", "x"),
        ("stop", [""]),
        ("stop", [1]),
        ("stop", ["x"] * 65),
    ],
)
def test_an_option_that_cannot_be_is_named(name: str, value: object) -> None:
    with pytest.raises(Invalid) as caught:
        checked({"temperature": 1, name: value})

    errors = caught.value.extra["errors"]
    assert isinstance(errors, list)
    assert (caught.value.code, [e["field"] for e in errors]) == (
        "invalid-options",
        [f"options.{name}"],
    )


# --- budgets ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "context", "prompt", "used", "clamped"),
    [
        ((4096, 512), 8192, 1000, (4096, 512), []),
        ((64_000, 60_000), 131_072, 10_000, (64_000, 54_000), ["num_predict"]),
        ((64_000, 1000), 32_768, 10_000, (32_768, 1000), ["num_ctx"]),
        ((64_000, 60_000), 32_768, 10_000, (32_768, 22_768), ["num_ctx", "num_predict"]),
        ((4096, -1), 8192, 96, (4096, 4000), []),
        ((4096, 512), None, 5000, (4096, 1), ["num_predict"]),
    ],
)
def test_what_cannot_hold_is_clamped_to_what_fits(
    options: tuple[int, int],
    context: int | None,
    prompt: int,
    used: tuple[int, int],
    clamped: list[str],
) -> None:
    asked = {"num_ctx": options[0], "num_predict": options[1], "seed": 1}

    given_, changes = clamp(asked, context, prompt)

    assert given_ == {"num_ctx": used[0], "num_predict": used[1], "seed": 1}
    assert changes == {name: {"asked": asked[name], "used": given_[name]} for name in clamped}


# About what vocabularies of 100,000 entries and more make of each kind of text.
@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("Why does PETG string between two towers?", 9),
        ("Stringing entsteht durch Feuchtigkeit im Filament.", 13),
        ("G1 X10.123 Y20.456 E0.04567 F1800\n", 27),
        ("for (int i = 0; i < n; i++) { sum += values[i]; }\n", 23),
        ("你好，世界，今天天气很好", 9),
        ("乾燥したフィラメントを使ってください", 15),
        ("👍🏽🎉🔥", 8),
        ("Почему нити тянутся между башнями?", 12),
    ],
)
def test_an_estimate_errs_upwards_but_not_wildly(text: str, tokens: int) -> None:
    assert tokens <= estimate_tokens(text) <= 2.2 * tokens + 4


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Qwen3", "qwen3:latest", True),
        ("registry.ollama.ai/library/qwen3:4b", "qwen3:4B", True),
        ("hhao/qwen2.5-coder-tools", "hhao/qwen2.5-coder-tools:latest", True),
        ("localhost:5000/me/model", "localhost:5000/me/model:latest", True),
        ("qwen3:4b", "qwen3:8b", False),
    ],
)
def test_names_of_one_model_are_the_same(one: str, other: str, *, same: bool) -> None:
    assert (canonical_name(one) == canonical_name(other)) is same


@pytest.mark.parametrize(
    ("version", "cves"),
    [
        ("0.33.0-rc2", 0),
        ("0.20.3", 0),
        ("0.20.2", 1),
        ("0.20.3-rc1", 1),
        ("0.17.0", 2),
        ("0.1.28", 3),
        ("v0.5", 2),
        ("0.0.0", 3),
        ("main", 0),
        ("", 0),
    ],
)
def test_an_unsafe_ollama_is_warned_about(version: str, cves: int) -> None:
    assert (security_warning(version) or "").count("CVE-") == cves
