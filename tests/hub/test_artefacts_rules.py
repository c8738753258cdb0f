"""Files in what models say: where they are, what they are called, what is wrong with them."""

import re
from pathlib import PurePosixPath
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.artefacts.differing import LINES, difference
from hub.artefacts.fences import Found, files_in
from hub.artefacts.macros import macro_findings
from hub.artefacts.paths import clashes, clean_path, key_of

ANSWER = """Here are two files.

```python tools/flow.py
print("flow")
```

**macros/purge.cfg**
```
[gcode_macro PURGE]
```

Save this as `settings.json`:

~~~~json
{"note": "``` is no end"}
~~~~

Run `tools/flow.py` like this:

```bash
python tools/flow.py
```

```scad
// parts/clip.scad
cube(1);
```
```yaml title="deploy/app.yaml"
a: 1
```
And a last one that was cut off:
```python:late.py
x = 1"""


def test_files_are_named_in_the_ways_in_which_models_name_them() -> None:
    found = files_in(ANSWER, names_all=False)

    assert found == [
        Found("tools/flow.py", "python", 'print("flow")\n'),
        Found("macros/purge.cfg", "klipper", "[gcode_macro PURGE]\n"),
        Found("settings.json", "json", '{"note": "``` is no end"}\n'),
        Found("parts/clip.scad", "openscad", "// parts/clip.scad\ncube(1);\n"),
        Found("deploy/app.yaml", "yaml", "a: 1\n"),
        Found("late.py", "python", "x = 1", is_whole=False),
    ]


def test_blocks_without_a_name_get_one_where_code_was_asked_for() -> None:
    found = files_in("```py\na\n```\n```\nb\n```\n", names_all=True)

    assert [(one.path, one.language) for one in found] == [
        ("file-1.py", "python"),
        ("file-2.txt", "text"),
    ]


@pytest.mark.parametrize(
    ("written", "path", "refused"),
    [
        ("```yaml ../../etc/evil.yaml\na: 1\n```", "file-1.yaml", "../../etc/evil.yaml"),
        ("```python\n# /etc/cron.py\nx\n```", "file-1.py", "/etc/cron.py"),
        ("**C:\\boot.ini**\n\n```ini\nx\n```", "file-1.ini", "C:\\boot.ini"),
        ('```yaml title="../a.yaml"\n# b.yaml\n```', "b.yaml", None),
        ("```html\n<!-- https://example.com/x.html -->\n```", "file-1.html", None),
        ("```bash\n#!/usr/bin/bash\n```", "file-1.sh", None),
    ],
)
def test_a_name_that_was_refused_is_said(written: str, path: str, refused: str | None) -> None:
    (found,) = files_in(written, names_all=True)

    assert (found.path, found.refused_path) == (path, refused)


def test_the_later_of_two_files_of_a_name_counts() -> None:
    found = files_in("```py A.py\n1\n```\n```py a.PY\n2\n```\n", names_all=False)

    assert [(one.path, one.content) for one in found] == [("A.py", "2\n")]


@pytest.mark.parametrize(
    "path",
    [
        "../up.py", "a/../../up.py", "/etc/passwd", "C:\\x.py", "c:x.py", "\\\\host\\share\\x.py",
        "a/CON", "nul.txt", "a/com1.py", "x.", "x ", "a\0b.py", "a\nb.py", "a/b/", "", ".", "..",
        "x?.py", "a|b.py", "\u202egpj.exe", ".git/hooks/pre-commit", "a/.GIT/config", "a" * 101,
        "/".join("abcdefghijk"), "~/x\x7f",
    ],
)  # fmt: skip
def test_a_path_that_leads_out_or_is_no_name_is_none(path: str) -> None:
    assert clean_path(path) in (None, path.strip())
    if path != "x ":
        assert clean_path(path) is None


@given(st.text(max_size=60) | st.from_regex(r"[./\\a-z ]{1,20}", fullmatch=True))
@settings(max_examples=40, deadline=None)
def test_whatever_is_said_a_path_stays_below_its_folder(said: str) -> None:
    path = clean_path(said)

    if path is not None:
        parts = PurePosixPath(path).parts
        assert not PurePosixPath(path).is_absolute()
        assert ".." not in parts
        assert "\\" not in path
        assert ":" not in path
        assert clean_path(path) == path


@given(st.lists(st.sampled_from(["a", "a/b", "A/c", "b.py", "B.py", "c/d"]), max_size=6))
@settings(max_examples=40, deadline=None)
def test_no_two_files_of_an_answer_are_in_each_others_way(paths: list[str]) -> None:
    text = "".join(f'```text title="{path}.txt/{path}.txt"\nx\n```\n' for path in paths)
    kept = [one.path for one in files_in(text, names_all=False)]

    assert len({key_of(path) for path in kept}) == len(kept)
    assert not any(clashes(one, [other for other in kept if other != one]) for one in kept)


@given(
    st.lists(
        st.tuples(
            st.from_regex(r"[a-z]{1,8}\.(py|json|gcode)", fullmatch=True),
            st.text(alphabet="ab`~ \n{}", max_size=40),
        ),
        max_size=5,
        unique_by=lambda one: one[0],
    )
)
@settings(max_examples=40, deadline=None)
def test_what_was_put_into_fences_comes_out_of_them(files: list[tuple[str, str]]) -> None:
    text = "".join(
        f"````````````````````````````````````````` {path}\n{content}\n"
        "`````````````````````````````````````````\n"
        for path, content in files
    )
    found = {one.path: one.content for one in files_in(text, names_all=False)}

    assert found == {path: f"{content}\n" for path, content in files}


@given(st.text(alphabet="`~ab.:/#*\n ={}\"'", max_size=120))
@settings(max_examples=40, deadline=None)
def test_no_text_is_too_odd(text: str) -> None:
    for one in files_in(text, names_all=True):
        assert clean_path(one.path) == one.path
        assert one.content in text + "\n"


@pytest.mark.parametrize(
    "text",
    [
        "```a" + " " * 300_000 + "b\nx\n```\n",
        ("(" * 240 + "é x\n```\nx\n```\n") * 2_000,
        "```" + "a " * 200_000 + "`x\n",
        "``` " + "a." * 200_000 + "!\nx\n```\n",
    ],
    ids=["blanks behind a fence", "brackets above blocks", "words behind a fence", "a long name"],
)
def test_no_text_keeps_the_hub_busy(text: str) -> None:
    assert files_in(text, names_all=False) == []


@given(st.text(alphabet="ab\n", max_size=40), st.text(alphabet="ab\n", max_size=40))
@settings(max_examples=40, deadline=None)
def test_a_difference_makes_the_new_version_of_the_old_one(old: str, new: str) -> None:
    for most_steps in (0, 12, 10_000):
        differs = difference("x.txt", (1, old), (2, new), most_steps=most_steps)

        assert (differs.text == "") == (old == new)
        assert _patched(old, differs.text) == new


def test_a_difference_is_as_fine_as_its_bound_allows() -> None:
    old, new = "a\nb\nc\nd\ne\nf\n", "a\nb\nx\nd\ny\nf\n"
    fine = difference("x", (1, old), (2, new))
    coarse = difference("x", (1, old), (2, new), most_steps=2)
    head = "--- x (version 1)\n+++ x (version 2)\n@@ -1,6 +1,6 @@\n a\n b\n"

    assert (fine.text, fine.is_coarse) == (f"{head}-c\n+x\n d\n-e\n+y\n f\n", False)
    assert (coarse.text, coarse.is_coarse) == (f"{head}-c\n-d\n-e\n+x\n+d\n+y\n f\n", True)
    assert (coarse.added, coarse.removed) == (3, 3)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["moved apart", "swapped", "few words", "half a million lines"])
def test_no_two_versions_keep_the_hub_busy(kind: str) -> None:
    lines = [f"line {number}\n" for number in range(20_000)]
    pairs = zip(lines[1::2], lines[::2], strict=True)
    words = [f"line {number % 110}\n" for number in range(20_000)]
    before, after = {
        "moved apart": (lines, lines[::2] + lines[1::2]),
        "swapped": (lines, [one for pair in pairs for one in pair]),
        "few words": (words, Random(7).sample(words, len(words))),
        "half a million lines": (lines, ["\n"] * (1 << 19)),
    }[kind]
    differs = difference("x.txt", (1, "".join(before)), (2, "".join(after)))

    assert differs.is_coarse
    assert _patched("".join(before), differs.text) == "".join(after)


def _patched(old: str, text: str) -> str:
    """As patch does it, for the whole file."""
    lines, out, at, before = LINES.findall(old), list[str](), 0, ""
    for line in LINES.findall(text)[2:]:
        if hunk := re.match(r"@@ -(\d+)(?:,(\d+))?", line):
            start = int(hunk[1]) - (hunk[2] != "0")
            out, at = out + lines[at:start], start
        elif line[0] == "\\" and before in "+ ":
            out[-1] = out[-1].removesuffix("\n")
        elif line[0] in " +":
            out.append(line[1:])
        if line[0] in " -":
            assert lines[at].rstrip("\n") == line[1:].rstrip("\n")
            at += 1
        before = line[0]
    return "".join(out + lines[at:])


@pytest.mark.parametrize(
    ("content", "is_klipper", "lines"),
    [
        ("{if a}\nG1 X{x + 1}\n{elsif b}\n{else}\nG2\n{endif} ; {not read\n", False, []),
        ("G28\n{if a}\nG1\n", False, [2]),
        ("{endif}\n", False, [1]),
        ("{if a}{else}{else}{endif}\n", False, [1]),
        ("G1 X{max(1, 2}\n", False, [1]),
        ('M117 {"}"}\nM117 (text\n', False, []),
        ("[gcode_macro A]\ngcode:\n  {% if x %}\n  G1 X{ x|int }\n  {% endif %}\n", True, []),
        ("[gcode_macro A]\ngcode:\n  {% for x in y %}\n  {% endif %}\n", True, [3, 4]),
        ("[gcode_macro A]\ndescription: nothing\n[printer]\n", True, [1]),
        ("[gcode_macro]\ngcode: G28\n", True, [1]),
        ("[gcode_macro A]\ngcode:\n  {% if x\n", True, [3, 3]),
    ],
)
def test_macros_are_checked_for_what_is_never_closed(
    content: str,
    is_klipper: bool,  # noqa: FBT001 - a column of the table
    lines: list[int],
) -> None:
    found = macro_findings(content, is_klipper=is_klipper)

    assert [one.line for one in found] == lines
