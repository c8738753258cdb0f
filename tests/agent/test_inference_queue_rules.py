"""Whose turn it is: without a loop, on the order alone."""

from collections.abc import Iterable, Sequence
from itertools import groupby

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.inference.queue_rules import BATCH_SHARE, Line, Priority, Wants

LANE = "one"


def line_of(*wants: Wants) -> Line[int]:
    """They are called by the order of their coming."""
    line = Line[int]([LANE])
    for number, one in enumerate(wants):
        line.add(number, one)
    return line


def served(line: Line[int], most: int = 1000) -> list[int]:
    """Who gets the places of one lane, one after the other."""
    order: list[int] = []
    while len(order) < most and (one := line.next_on(LANE, lambda _: True)) is not None:
        line.serve(one, LANE)
        order.append(one)
    return order


def place(line: Line[str], lane: str) -> str | None:
    """Who gets this one, where each says in its name which lane it is for."""
    one = line.next_on(lane, lambda name: name.endswith(lane))
    if one is not None:
        line.serve(one, lane)
    return one


def test_who_came_first_goes_first_among_equals() -> None:
    assert served(line_of(*[Wants("ana")] * 5)) == [0, 1, 2, 3, 4]


def test_a_client_with_many_requests_holds_up_another_by_one() -> None:
    line = line_of(*[Wants("crowd")] * 500, Wants("ana"))

    assert served(line, 3) == [0, 500, 1]


def test_clients_that_come_one_after_the_other_cannot_shut_one_out_that_waits() -> None:
    line, order, newest = line_of(*[Wants("crowd")] * 3), list[int](), 3
    for _ in range(20):
        line.add(newest, Wants(f"visitor {newest}"))
        newest += 1
        order += served(line, 1)

    assert [order.index(one) for one in (0, 1, 2)] == [0, 2, 5]


def test_projects_of_a_client_take_turns_and_cost_other_clients_nothing() -> None:
    line = line_of(
        *[Wants("ana", "parts")] * 3,
        *[Wants("ana", "tools")] * 2,
        *[Wants("bo")] * 3,
    )

    assert served(line) == [0, 5, 3, 6, 1, 7, 4, 2]


def test_a_client_that_has_just_been_served_stands_behind_those_who_wait() -> None:
    line = line_of(Wants("ana"), Wants("bo"))
    order = served(line, 1)
    line.add(2, Wants("ana"))

    assert order + served(line) == [0, 1, 2]


def test_batches_come_last_but_get_one_place_in_eight() -> None:
    line = line_of(
        *[Wants("ana", priority=Priority.BATCH)] * 3,
        *[Wants("bo")] * 20,
    )

    order = served(line)

    runs = [
        (is_batch, len(list(some))) for is_batch, some in groupby(order, key=lambda one: one < 3)
    ]
    assert runs == [(False, 7), (True, 1), (False, 7), (True, 1), (False, 6), (True, 1)]


def test_a_batch_that_comes_while_nobody_else_waits_owes_nothing_to_those_before_it() -> None:
    line = line_of(*[Wants("bo")] * 30)
    served(line, 20)
    line.add(99, Wants("ana", priority=Priority.BATCH))

    assert served(line, 8)[-1] == 99


def test_what_one_batch_waited_is_nothing_to_one_that_comes_when_it_has_left() -> None:
    batch = Wants("ana", priority=Priority.BATCH)
    line = line_of(*[Wants("bo")] * 30, batch)
    served(line, 5)
    line.remove(30)
    line.add(99, batch)

    assert served(line, 8)[-1] == 99


def test_a_retry_goes_to_the_front_of_its_priority_and_is_nobodys_turn() -> None:
    batch = Wants("ana", priority=Priority.BATCH)
    line = line_of(
        batch,
        Wants("ana"),
        Wants("bo"),
        Wants("ana", is_retry=True),
        Wants("ana", priority=Priority.BATCH, is_retry=True),
    )

    assert served(line) == [3, 1, 2, 4, 0]


def test_who_refuses_a_lane_keeps_its_turn_and_stops_nobody() -> None:
    line = Line[str](["fast", "slow"])
    for name in ("ana for slow", "ana for fast", "bo for fast", "bo for slow"):
        line.add(name, Wants(name.split()[0]))

    assert [
        place(line, "fast"),
        place(line, "slow"),
        place(line, "fast"),
        place(line, "slow"),
        place(line, "fast"),
    ] == [
        "ana for fast",
        "ana for slow",  # its client was served meanwhile, though on another lane
        "bo for fast",
        "bo for slow",
        None,
    ]


def test_two_lanes_in_step_shut_nobody_out() -> None:
    """With turns counted over both lanes together, `ana for slow` would wait here for ever."""
    line, order = Line[str](["fast", "slow"]), list[str | None]()
    line.add("ana for slow", Wants("ana"))
    for step in range(6):
        line.add(f"ana {step} for fast", Wants("ana"))
        line.add(f"bo {step} for slow", Wants("bo"))
        order += [place(line, "fast"), place(line, "slow")]

    assert order[:4] == ["ana 0 for fast", "ana for slow", "ana 1 for fast", "bo 0 for slow"]


def test_batches_have_their_share_of_each_lane() -> None:
    """With one count for both lanes, it would be the turn of batches on the fast one alone."""
    line, order = Line[str](["fast", "slow"]), list[str | None]()
    line.add("batch for slow", Wants("ana", priority=Priority.BATCH))
    for step in range(20):
        line.add(f"batch {step} for fast", Wants("bo", priority=Priority.BATCH))
        for lane in ("fast", "slow"):
            line.add(f"chat {step} for {lane}", Wants("bo"))
        order += [place(line, "fast"), place(line, "slow")]

    on_slow = [one for one in order if one and one.endswith("slow")]
    assert on_slow.index("batch for slow") == BATCH_SHARE - 1
    assert order[: 2 * BATCH_SHARE : 2].index("batch 0 for fast") == BATCH_SHARE - 1


def test_a_lane_that_comes_later_goes_on_with_the_turns_as_they_are() -> None:
    line = line_of(*[Wants("ana")] * 3, *[Wants("bo")] * 2)
    line.serve(0, LANE)
    line.set_lanes(["new"])

    order = []
    while (one := line.next_on("new", lambda _: True)) is not None:
        line.serve(one, "new")
        order.append(one)

    assert order == [3, 1, 4, 2]


ANYBODY = st.builds(
    Wants,
    client=st.sampled_from("abc"),
    project=st.sampled_from("xy"),
    priority=st.sampled_from(Priority),
    is_retry=st.booleans(),
)


@given(st.lists(ANYBODY, max_size=40), st.integers(0, 20), st.sets(st.integers(0, 39)))
def test_the_order_that_is_shown_is_the_order_of_the_places(
    wants: list[Wants], before: int, leaving: set[int]
) -> None:
    line = line_of(*wants)
    served(line, before)
    for one in leaving & set(line):
        line.remove(one)

    shown = list(line)

    assert len(shown) == len(line)
    assert served(line) == shown


@given(st.lists(ANYBODY, max_size=60))
def test_all_are_served_and_each_line_of_equals_in_order(wants: list[Wants]) -> None:
    order = served(line_of(*wants))

    assert sorted(order) == list(range(len(wants)))
    for own in _by_kind(wants, order):
        assert own == sorted(own)


@pytest.mark.parametrize("capacity", [10, 200])
def test_a_batch_waits_for_seven_others_at_the_most_however_many_come(capacity: int) -> None:
    line = line_of(*[Wants("crowd")] * capacity, Wants("ana", priority=Priority.BATCH))
    order = list[int]()
    for newest in range(1000, 1020):
        line.add(newest, Wants("crowd"))
        order += served(line, 1)

    assert order.index(capacity) == BATCH_SHARE - 1


def _by_kind(wants: Sequence[Wants], order: Iterable[int]) -> Iterable[list[int]]:
    kinds: dict[Wants, list[int]] = {}
    for one in order:
        kinds.setdefault(wants[one], []).append(one)
    return kinds.values()
