"""What is read and written without h11 means the same to it."""

import re
from collections.abc import Sequence
from typing import NamedTuple

import h11
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agent.shared.plain_http import PlainAnswer, read_head

COMMON = [
    b"GET /api/v1/status HTTP/1.1\r\nHost: 127.0.0.1:7878\r\nAccept: */*\r\n\r\n",
    b'POST /x?y=%20z HTTP/1.1\r\nHost: h:1\r\nsec-ch-ua: "A";v="1"\r\nContent-Length: 2\r\n\r\n{}',
    b"DELETE / HTTP/1.1\r\nhost: h\r\nCookie: a=b; c=d\r\nX-Empty: \r\nConnection: close\r\n\r\n",
    b"PUT / HTTP/1.1\r\nHost: h\r\nX-Name: caf\xc3\xa9\r\nContent-Length: 3\r\n\r\nabcGET / HTT",
]

GOOD_FIELDS = [
    b"Accept: */*",
    b"X-Empty: ",
    b"content-length: 3",
    b"Content-Length: 0",
    b"connection: Keep-Alive",
    b"Connection: close",
    b"X-Name: caf\xe9 ;, :x",
]
names = st.sampled_from([b"Host", b"Content-Length", b"Connection", b"X-One", b"x_two", b"TE"])
values = st.one_of(
    st.sampled_from([b"h", b"03", b"3, 3", b"-1", b"close", b"chunked", b"100-continue"]),
    st.text("aZ9 \t\x00\x7f\xe9:,;\r\n", max_size=6).map(lambda text: text.encode("latin-1")),
)
separators = st.sampled_from([b": ", b":", b":  ", b" : ", b":\t"])
odd = st.one_of(
    st.tuples(names, separators, values).map(b"".join),
    st.sampled_from([b"Transfer-Encoding: chunked", b"Expect: 100-continue", b"Upgrade: x"]),
)


def mostly(good: Sequence[bytes], bad: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """A bad one in eight."""
    return st.integers(0, 7).flatmap(lambda one: st.sampled_from(good) if one else bad)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """One request and something behind it; now and then with a byte changed."""
    method = draw(mostly([b"GET", b"POST", b"DELETE"], st.sampled_from([b"HEAD", b"get", b"X"])))
    target = draw(mostly([b"/", b"/a?b=%20"], st.sampled_from([b"*", b"/\xe9", b"/a b", b""])))
    version = draw(mostly([b"1.1"], st.sampled_from([b"1.0", b"2.0", b"1.12"])))
    lines = [draw(mostly([b"Host: h"], odd)), *draw(st.lists(mostly(GOOD_FIELDS, odd), max_size=4))]
    end = draw(mostly([b"\r\n"], st.sampled_from([b"\n", b" \r\n", b"\r\n ", b"\r"])))
    head = end.join([b"%b %b HTTP/%b" % (method, target, version), *lines, b"", b""])
    whole = head + draw(st.binary(max_size=8))
    if draw(st.integers(0, 7)):
        return whole
    at = draw(st.integers(0, len(whole) - 1))
    return whole[:at] + draw(st.binary(max_size=2)) + whole[at + draw(st.integers(0, 2)) :]


class Read(NamedTuple):
    """What h11 makes of some bytes that begin with a request."""

    request: h11.Request
    body: bytes
    is_whole: bool
    rest: bytes
    is_last: bool


def read_by_h11(data: bytes) -> Read:
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(data)
    request = connection.next_event()
    assert isinstance(request, h11.Request)
    body = b""
    while isinstance(event := connection.next_event(), h11.Data):
        body += event.data
    rest = connection.trailing_data[0]
    connection.send(h11.Response(status_code=204, headers=[]))
    connection.send(h11.EndOfMessage())
    is_whole = isinstance(event, h11.EndOfMessage)
    return Read(request, body, is_whole, rest, connection.our_state is h11.MUST_CLOSE)


@settings(max_examples=1500)
@given(requests())
@example(COMMON[0])
@example(COMMON[1])
@example(COMMON[2])
@example(COMMON[3])
def test_what_is_read_reads_h11_alike(data: bytes) -> None:
    head = read_head(data)
    if head is None:
        return

    read, rest = read_by_h11(data), data[head.size :]
    request = read.request
    assert (head.method.encode(), head.target) == (request.method, request.target)
    assert (head.fields, request.http_version) == (list(request.headers), b"1.1")
    assert (read.body, read.rest) == (rest[: head.body_bytes], rest[head.body_bytes :])
    assert read.is_whole == (len(rest) >= head.body_bytes)
    assert read.is_last == head.is_last


@pytest.mark.parametrize("data", COMMON)
def test_what_clients_send_is_plain(data: bytes) -> None:
    assert read_head(data) is not None


@pytest.mark.parametrize(
    "data",
    [
        COMMON[0][:-1],
        COMMON[0].replace(b"GET", b"HEAD"),
        COMMON[0].replace(b"1.1\r\n", b"1.0\r\n"),
        COMMON[0].replace(b"Host", b"X-Host"),
        COMMON[0].replace(b"Accept:", b"host:"),
        COMMON[0].replace(b"Accept: ", b"Accept:"),
        COMMON[0].replace(b"*/*", b"a\x00b"),
        COMMON[0].replace(b"Accept: */*", b"Transfer-Encoding: chunked"),
        COMMON[0].replace(b"Accept: */*", b"Expect: 100-continue"),
        COMMON[0].replace(b"Accept: */*", b"Connection: Upgrade\r\nUpgrade: websocket"),
        COMMON[0].replace(b"*/*", b"a" * 33_000),
        COMMON[1].replace(b"Length: 2", b"Length: -2"),
        COMMON[1].replace(b"Length: 2", b"Length: 2\r\nContent-Length: 2"),
        COMMON[1].replace(b"Length: 2", b"Length: " + b"9" * 16),
    ],
)
def test_what_is_not_plain_is_left_to_h11(data: bytes) -> None:
    assert data not in COMMON
    assert read_head(data) is None


answer_fields = st.lists(
    st.tuples(
        st.sampled_from([b"content-type", b"x-a", b"X-B", b"connection", b"set-cookie"]),
        st.sampled_from([b"", b"a", b"a\t b", b"close", b"caf\xc3\xa9", b'"w/1"']),
    ),
    max_size=5,
)


@given(
    status=st.sampled_from([200, 201, 204, 304, 400, 404, 500, 503]),
    told=answer_fields,
    pieces=st.lists(st.binary(max_size=20), max_size=4),
    has_length=st.booleans(),
    is_last=st.booleans(),
)
def test_what_is_written_reads_h11_as_it_was_meant(
    status: int,
    told: list[tuple[bytes, bytes]],
    pieces: list[bytes],
    has_length: bool,  # noqa: FBT001 - of a property
    is_last: bool,  # noqa: FBT001
) -> None:
    if status in (204, 304):
        pieces = []
    whole = b"".join(pieces)
    if has_length and status not in (204, 304):
        told = [*told, (b"content-length", b"%d" % len(whole))]
    answer = PlainAnswer(is_last=is_last)
    sent = [answer.head(status, told), *map(answer.piece, pieces), answer.end()]

    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("Host", "h")]))
    client.send(h11.EndOfMessage())
    client.receive_data(b"".join(sent))
    head = client.next_event()
    body = b""
    while isinstance(event := client.next_event(), h11.Data):
        body += event.data

    assert isinstance(head, h11.Response)
    assert isinstance(event, h11.EndOfMessage)
    assert (head.status_code, body) == (status, whole)
    assert [(name.lower(), value) for name, value in told] == list(head.headers)[: len(told)]
    assert client.trailing_data == (b"", False)
    assert answer.is_whole
    assert answer.is_last == (client.their_state is h11.MUST_CLOSE)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (b"x", b"a\r\nset-cookie: mine=1"),
        (b"x", b"a\nb"),
        (b"x: y\r\nz", b"a"),
        (b"x y", b"a"),
        (b"", b"a"),
        (b"x", b" a"),
        (b"x", b"a\x00"),
        (b"transfer-encoding", b"chunked"),
        (b"content-length", b"-1"),
        (b"content-length", b""),
        (b"Content-Length", b"4"),  # besides another one
    ],
)
def test_a_head_that_means_something_else_is_never_written(name: bytes, value: bytes) -> None:
    answer = PlainAnswer(is_last=False)

    with pytest.raises(h11.LocalProtocolError):
        answer.head(200, [(b"content-length", b"3"), (name, value)])

    assert not answer.is_begun


def test_a_body_is_as_long_as_it_says() -> None:
    longer, shorter = PlainAnswer(is_last=False), PlainAnswer(is_last=False)
    for answer in (longer, shorter):
        answer.head(200, [(b"content-length", b"3")])
        assert answer.piece(b"ab") == b"ab"

    with pytest.raises(h11.LocalProtocolError, match=re.escape("longer")):
        longer.piece(b"cd")
    with pytest.raises(h11.LocalProtocolError, match=re.escape("shorter")):
        shorter.end()
    assert not shorter.is_whole
