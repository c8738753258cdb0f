"""HTTP/1.1 as nearly everybody speaks it, read and written in a few steps.

h11 takes some two hundred calls for a request and its answer. What is read here is a part of what
h11 takes, and read alike; of everything else `read_head` knows nothing, and h11 is to be asked."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from h11 import LocalProtocolError

Fields = Sequence[tuple[bytes, bytes]]

# RFC 9110, 5.1 and 5.5, without what is seldom: tabs, and more or fewer blanks than one.
_FIELD = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+: (?:[!-~\x80-\xff](?:[ -~\x80-\xff]*[!-~\x80-\xff])?)?\r\n"
_SENT_FIELDS = re.compile(b"(?:%b)*" % _FIELD.replace(b"[ -~", rb"[\t -~"))
_HEAD = re.compile(
    rb"(GET|POST|PUT|PATCH|DELETE) ([!-~]+) HTTP/1\.1\r\n((?:%b)*)\r\n" % _FIELD,
)
_NOT_PLAIN = frozenset((b"transfer-encoding", b"upgrade", b"expect"))
_ONCE = (b"host", b"content-length", b"connection")
_FRAMING = frozenset((b"content-length", b"transfer-encoding", b"connection"))
_LONGEST_HEAD = 32 * 1024
_MOST_DIGITS = 15
_WITHOUT_BODY = (204, 304)


class Head(NamedTuple):
    """The beginning of a request, whose body is as long as it says."""

    method: str
    target: bytes
    fields: list[tuple[bytes, bytes]]  # names in lower case
    body_bytes: int
    is_last: bool  # on its connection
    size: int  # of the head itself, in bytes


def read_head(data: bytes) -> Head | None:
    """The head with which `data` begins; None if it is not whole, or not plain."""
    match = _HEAD.match(data)
    if match is None or match.end() > _LONGEST_HEAD:
        return None
    method, target, lines = match.groups()
    fields = []
    for line in lines.split(b"\r\n")[:-1]:
        name, _, value = line.partition(b": ")
        fields.append((name.lower(), value))
    names = [name for name, _ in fields]
    if b"host" not in names or not _NOT_PLAIN.isdisjoint(names) or max(map(names.count, _ONCE)) > 1:
        return None
    told = dict(fields)
    length, connection = told.get(b"content-length", b"0"), told.get(b"connection", b"").lower()
    if not length.isdigit() or len(length) > _MOST_DIGITS:
        return None
    if connection not in (b"", b"keep-alive", b"close"):
        return None
    return Head(method.decode(), target, fields, int(length), connection == b"close", match.end())


class PlainAnswer:
    """How the body of one answer is told from what comes after it (RFC 9112, 6).

    Raises LocalProtocolError for what would be understood as something else."""

    def __init__(self, *, is_last: bool) -> None:
        """`is_last`: the connection ends with it."""
        self.is_last = is_last
        self.is_begun = self.is_whole = False
        self._left: int | None = 0  # bytes of the body; None: nobody knows, it comes in chunks

    @property
    def is_chunked(self) -> bool:
        """Whether its length is not known, once it has begun."""
        return self._left is None

    def head(self, status: int, fields: Fields) -> bytes:
        """The status line and the fields, to which those are added that frame the body."""
        lines = b"".join([b"%b: %b\r\n" % one for one in fields])
        if lines.count(b"\n") != len(fields) or not _SENT_FIELDS.fullmatch(lines):
            raise LocalProtocolError("A field of the answer is none.")
        told = [(name.lower(), value) for name, value in fields if name.lower() in _FRAMING]
        lengths = [value for name, value in told if name == b"content-length"]
        is_clear = len(lengths) < 2 and all(map(bytes.isdigit, lengths))
        if status < 200 or not is_clear or b"transfer-encoding" in dict(told):
            raise LocalProtocolError("The answer does not say where it ends.")
        if any(name == b"connection" and b"close" in value.lower() for name, value in told):
            self.is_last = True
        elif self.is_last:
            lines += b"connection: close\r\n"
        if status in _WITHOUT_BODY:
            self._left = 0
        elif lengths:
            self._left = int(lengths[0])
        else:
            self._left = None
            lines += b"transfer-encoding: chunked\r\n"
        self.is_begun = True
        return b"HTTP/1.1 %d \r\n%b\r\n" % (status, lines)

    def piece(self, data: bytes) -> bytes:
        """What is sent of the body for `data`."""
        if self._left is None:
            return b"%x\r\n%b\r\n" % (len(data), data) if data else b""  # an empty one is the end
        self._left -= len(data)
        if self._left < 0:
            raise LocalProtocolError("The answer is longer than it said.")
        return data

    def end(self) -> bytes:
        """What is sent behind the body."""
        if self._left:
            raise LocalProtocolError("The answer is shorter than it said.")
        self.is_whole = True
        return b"0\r\n\r\n" if self.is_chunked else b""
