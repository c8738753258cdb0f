"""OpenSCAD's parser looks at files of models. It is part of few systems: without it these tests
are left out, and with it they use the real program."""

import shutil
from pathlib import Path

import pytest

from hub.artefacts.checking import Checker, Findings
from hub.artefacts.looking import looked_at

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("openscad"), reason="openscad is not installed"),
]
SECRET = 'secret = "kept"; assert(false, secret);\n'


async def found(*contents: str, seconds: float = 20) -> list[Findings | None]:
    checked = await Checker(seconds=seconds).check([("openscad", one) for one in contents])
    return [one.findings for one in checked]


async def test_the_syntax_of_a_file_is_looked_at() -> None:
    good = "// a clip\nmodule clip(n = 3) {\n  cube([n, n, 1]);\n}\nclip();\n"
    findings = await found(good, good.replace("]);", ");"), "cube(1);\nmodule a() {\n", "", "// x")

    assert findings == [
        [],
        [{"line": 3, "text": "Parser error: syntax error."}],
        [{"line": 2, "text": "Parser error: syntax error."}],
        [],
        [],
    ]


async def test_nothing_is_computed_however_long_it_would_take() -> None:
    findings = await found(
        "function f(n) = n < 0 ? 0 : f(n + 1);\necho(f(1));\n",
        "module m() { m(); }\nm();\n",
        "x = [for (i = [0:999999]) for (j = [0:999999]) [i, j]];\necho(len(x));\ncube(1);\n",
        "for (i = [0:999999]) for (j = [0:999999]) echo(i, j);\n",
        "assert(false);\n",
        "minkowski() { sphere(9, $fn = 900); sphere(9, $fn = 900); }\n",
    )

    assert findings == [[]] * 6


async def test_a_file_that_reads_others_is_left_alone(tmp_path: Path) -> None:
    other = tmp_path / "other.scad"
    other.write_text(SECRET)
    ways = [
        f"include <{other}>\n",
        f"use <{other}>\n",
        f"cube(1); include <{other}>\n",
        f"a = 1;/**/include\t\n <{other}>\n",
        f"}} include <{other}>\nmodule a() {{\n",
        f"ßuse <{other}>\n",
        "include </etc/passwd>\n",
        'import("/etc/passwd");\n',
        'import /**/ ("/etc/passwd");\n',
        'surface /**/ ("/etc/passwd");\n',
        'x = dxf_dim(file = "/etc/passwd");\n',
        'linear_extrude(file = "/etc/passwd") square(1);\n',
    ]

    assert await found(*ways) == [None] * len(ways)


async def test_a_file_that_would_hurt_the_parser_hurts_nothing_else() -> None:
    hurting = [
        "(" * 400_000,
        "x = " + "[" * 300_000 + "]" * 300_000 + ";\n",
        "{" * 500_000,
        "/*" + "x" * 900_000,
        "} for (i = [0:999999]) for (j = [0:999999]) echo(i, j); module a() {\n",
    ]
    *odd, last = await found(*hurting, "cube(1);\n", seconds=40)

    assert last == []
    assert [] not in odd[:4]


def test_without_openscad_nobody_says_anything() -> None:
    assert looked_at("openscad", "cube(1;") is None
