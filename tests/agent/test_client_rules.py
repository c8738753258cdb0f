"""What the clients decide without any network."""

import pickle
from base64 import b64encode
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.client.answers import Answer, Event, Heard
from agent.client.pictures import ImageSource, Picture
from agent.client.places import problem_of
from agent.client.problems import (
    AgentError,
    Busy,
    ClientProblem,
    Conflict,
    ConnectionLost,
    Denied,
    Invalid,
    NoAnswerInTime,
    NotFound,
    NotRunning,
    Stopped,
)
from agent.client.reading import Blocks, Follower
from agent.client.requests import Call, named, segment
from agent.client.retries import LONGEST_PAUSE_S, Attempts, may_repeat, pause_s
from agent.client.surroundings import model
from agent.shared import wire

LATER = {"status": 503, "retry_after_s": 2}


class Watch:
    """A clock that goes when told to."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("err", "asked_once", "asked_again"),
    [
        (NotRunning("nobody"), True, True),
        (ConnectionLost("lost"), False, True),
        (NoAnswerInTime("slow"), False, False),
        (ClientProblem.of({}, 503), False, True),
        (ClientProblem.of({}, 429), False, True),
        (ClientProblem.of(LATER), True, True),
        (ClientProblem.of({}, 504), False, False),
        (ClientProblem.of({}, 500), False, False),
        (ClientProblem.of({}, 404), False, False),
        (Stopped("stopped", code="cancelled"), False, False),
    ],
)
def test_what_may_be_sent_again(err: AgentError, asked_once: bool, asked_again: bool) -> None:  # noqa: FBT001 - a table
    assert may_repeat(err, is_repeatable=False) == asked_once
    assert may_repeat(err, is_repeatable=True) == asked_again


@given(st.integers(1, 10_000), st.floats(0, 1, exclude_max=True))
def test_pauses_grow_stay_bounded_and_differ(failures: int, fraction: float) -> None:
    pause = pause_s(failures, fraction)

    assert 0.05 <= pause <= LONGEST_PAUSE_S
    assert pause_s(failures + 1, fraction) >= pause
    assert pause >= pause_s(failures, 0.0)
    assert pause_s(failures, 0.9) > pause_s(failures, 0.1)


def test_patience_ends_before_a_pause_that_would_outlast_it() -> None:
    watch = Watch()
    attempts = Attempts(5.0, monotonic=watch, chance=lambda: 0.0)
    later, nobody = ClientProblem.of(LATER), NotRunning("nobody")

    pauses = [attempts.pause(nobody), attempts.pause(nobody), attempts.pause(later)]
    watch.now += 3.5
    with pytest.raises(Busy):
        attempts.pause(later)

    assert pauses == [0.05, 0.1, 2.0]
    assert attempts.pause(nobody) == pytest.approx(0.8)


def test_another_token_is_looked_for_once() -> None:
    attempts = Attempts(5.0, looks_up=True)
    stranger = ClientProblem.of({}, 401)

    assert attempts.pause(stranger) == 0.0
    with pytest.raises(Denied):
        attempts.pause(stranger)
    with pytest.raises(Denied):
        Attempts(5.0).pause(stranger)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, Invalid),
        (401, Denied),
        (403, Denied),
        (404, NotFound),
        (409, Conflict),
        (410, NotFound),
        (413, Invalid),
        (415, Invalid),
        (422, Invalid),
        (429, Busy),
        (500, ClientProblem),
        (503, Busy),
        (504, Busy),
        (507, ClientProblem),
        (599, ClientProblem),
    ],
)
def test_the_class_of_an_error_is_that_of_its_status(
    status: int, kind: type[ClientProblem]
) -> None:
    assert type(ClientProblem.of({}, status)) is kind


def test_an_error_holds_the_whole_document_and_survives_another_process() -> None:
    document = {
        "type": "urn:orca:problem:queue-full",
        "title": "Service Unavailable",
        "status": 503,
        "detail": "The queue is full.",
        "request_id": "r 1",
        "retry_after_s": 2,
        "waiting": 9,
    }

    err = pickle.loads(pickle.dumps(ClientProblem.of(document, 500)))  # noqa: S301 - our own

    assert (type(err), str(err), err.code, err.status) == (
        Busy,
        "The queue is full.",
        "queue-full",
        503,
    )
    assert (err.request_id, err.retry_after, err.extra) == ("r 1", 2.0, {"waiting": 9})


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'"text"', b'{"type": 1}'])
def test_a_refusal_that_is_no_problem_document_is_one_all_the_same(body: bytes) -> None:
    err = problem_of(httpx.Response(503, content=body, headers={"Retry-After": "7"}))

    assert (type(err), err.status, err.retry_after) == (Busy, 503, 7.0)


EVENTS = [(1, "started", {"model": "m"}), (2, "token", {"text": "Wörd 🦑 "}), (3, "done", {})]


@given(st.lists(st.integers(0, 400), max_size=12), st.integers(0, 3))
def test_events_are_read_once_however_the_bytes_are_cut(cuts: list[int], after: int) -> None:
    told = b"retry: 1000\n\n" + b": \n\n".join(wire.encode(*event) for event in EVENTS)
    places = [0, *sorted(min(cut, len(told)) for cut in cuts), len(told)]
    reader = Follower("a", after)

    seen = [
        (event.seq, event.name, event.data)
        for start, end in pairwise(places)
        for event in reader.feed(told[start:end])
    ]

    assert seen == EVENTS[after:]
    assert reader.has_ended == (after < 3)


def test_a_stream_that_is_over_before_its_end_is_lost() -> None:
    blocks = Blocks()
    events = list(blocks.feed(wire.encode(*EVENTS[1])))

    with pytest.raises(ConnectionLost):
        blocks.check()
    assert [event.text for event in events] == ["Wörd 🦑 "]


def test_a_reader_comes_back_until_nobody_answers_for_a_minute() -> None:
    watch = Watch()
    reader = Follower("a", monotonic=watch, chance=lambda: 0.0)
    nobody = NotRunning("nobody")

    pauses = [reader.pause(nobody) for _ in range(8)]
    watch.now += 59
    list(reader.feed(wire.encode(*EVENTS[0])))
    watch.now += 59
    again = reader.pause(nobody)
    watch.now += 2
    with pytest.raises(NotRunning):
        reader.pause(nobody)
    with pytest.raises(NotFound):
        reader.pause(ClientProblem.of({}, 404))

    assert pauses == [0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 1.0]
    assert again == 0.05
    assert reader.request().headers["Last-Event-ID"] == "1"


def test_the_end_of_a_run_is_told_by_its_state_where_its_stream_told_none() -> None:
    heard = Heard()
    heard.take(Event(4, "error", {"problem": {"status": 503, "detail": "Gone."}}))

    with pytest.raises(Busy, match=r"Gone\."):
        heard.message()
    with pytest.raises(ConnectionLost):
        Heard().answer()


def test_progress_is_a_fraction_where_somebody_can_tell() -> None:
    half = Event(1, "progress", {"completed": 1, "total": 2})
    unknown = [Event(1, "progress", {"completed": 1, "total": total}) for total in (0, None)]

    assert half.fraction == 0.5
    assert [event.fraction for event in unknown] == [None, None]


def test_answers_have_the_same_members_whichever_route_they_are_of() -> None:
    generated = Answer.of({"model": "m", "content": "{}", "finish_reason": "stop"})
    talked = Answer.of({"model": "m", "message": {"content": "{}"}, "finish_reason": "stop"})

    assert (generated.content, generated.json()) == (talked.content, talked.json()) == ("{}", {})


def test_a_picture_is_the_same_wherever_it_is(tmp_path: Path) -> None:
    data = b"\x89PNG"
    (tmp_path / "print.png").write_bytes(data)
    sources: list[ImageSource] = [
        tmp_path / "print.png",
        str(tmp_path / "print.png"),
        data,
        bytearray(data),
        memoryview(data),
        BytesIO(data),
        f"data:image/png;base64,{b64encode(data).decode()}",
        "data:image/png,%89PNG",
    ]

    assert [Picture(source).content() for source in sources] == [data] * len(sources)
    assert Picture("a" * 64).sha256 == "a" * 64
    with pytest.raises(Invalid):
        Picture("data:nothing").content()
    with pytest.raises(OSError, match="print"):
        Picture("no/print.png").content()


def test_requests_are_written_as_the_agent_reads_them() -> None:
    picture = Picture(b"x", sha256="b" * 64)
    sent = Call("POST", "/chat", body={"images": [picture]}, query={"a": None, "b": True}).sent()

    assert orjson.loads(sent["content"]) == {"images": ["b" * 64]}
    assert sent["params"] == {"b": "true"}
    assert sent["headers"] == {"Content-Type": "application/json"}
    assert (segment("../x?y"), named("hf.co/a b:q4")) == ("..%2Fx%3Fy", "hf.co/a%20b:q4")
    assert model("hf.co/owner/model:q4").path == "/models/hf.co/owner/model:q4"
    with pytest.raises(TypeError):
        Call("POST", "/chat", body={"images": [object()]}).sent()
