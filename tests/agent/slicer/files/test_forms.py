"""Forms as they come: cut anywhere, and with files that look like forms."""

import re
from collections.abc import AsyncIterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.shared.errors import Malformed
from agent.slicer.files.incoming import read_form
from tests.agent.slicer.sending import BOUNDARY, curl_form

TRICKY = st.lists(
    st.sampled_from(
        [
            b"G1 X1\n",
            b"\r",
            b"\n",
            b"\r\n",
            b"-",
            b"--",
            b"\r\n--",
            f"--{BOUNDARY}".encode(),
            f"\r\n--{BOUNDARY}".encode(),
            f"\r\n--{BOUNDARY}x".encode(),
            f"\r\n--{BOUNDARY[:-1]}".encode(),
            b"\x00\xff",
        ]
    ),
    max_size=12,
).map(b"".join)


async def pieces(data: bytes, cuts: list[int]) -> AsyncIterator[bytes]:
    start = 0
    for cut in sorted(cuts):
        if data[start:cut]:
            yield data[start:cut]
            start = cut
    if data[start:]:
        yield data[start:]


async def read(content: bytes, cuts: list[int]) -> tuple[str, bytes, dict[str, str]]:
    form = await read_form(BOUNDARY.encode(), pieces(content, cuts))
    data = b"".join([chunk async for chunk in form.chunks])
    return form.name, data, form.fields


def is_form_inside(data: bytes) -> bool:
    """Whether the file holds a boundary, which no client would have chosen then."""
    return re.search(rf"[\r\n]--{BOUNDARY}(?!x)".encode(), b"\n" + data) is not None


@settings(max_examples=100, deadline=None)
@given(TRICKY, st.lists(st.integers(0, 700), max_size=25))
async def test_a_file_comes_out_as_it_went_in(data: bytes, cuts: list[int]) -> None:
    if is_form_inside(data):
        return
    sent = curl_form(("print", "true"), ("file", ("a.gcode", data)), ("path", ""))

    assert await read(sent["content"], cuts) == ("a.gcode", data, {"print": "true", "path": ""})


async def test_a_form_cut_into_single_bytes_is_the_same_form() -> None:
    data = f"G28\r\n--{BOUNDARY}x\r\n\r\r\n-".encode()
    sent = curl_form(("file", ("a.gcode", data)), ("print", "true"))

    every = list(range(len(sent["content"])))

    assert await read(sent["content"], every) == ("a.gcode", data, {"print": "true"})


@pytest.mark.parametrize("missing", [1, 3, 20, 44, 80, 130])
async def test_a_form_without_its_end_is_damaged(missing: int) -> None:
    content = curl_form(("file", ("a.gcode", b"G28\n")))["content"].rstrip(b"\r\n")

    with pytest.raises(Malformed) as refused:
        await read(content[:-missing], [10, 60])

    assert refused.value.code == "bad-form"
