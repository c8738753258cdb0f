"""Which model of which provider answers, decided with values alone."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.ai.choosing import (
    By,
    Candidate,
    Offer,
    Route,
    Rule,
    Speed,
    allowed,
    best,
    means,
    offers_of,
    ordered,
    route_for,
    rules_for,
)

NEAR = Offer("near", "qwen3:4b", is_cloud=False)
OTHER = Offer("other", "qwen3:4b", is_cloud=False, in_flight=2)
CLOUD = Offer("cloud", "gpt-5", is_cloud=True)
CODER = Offer("near", "qwen3-coder:30b", is_cloud=False)
PASSED_ON = Offer("near", "kimi:cloud", is_cloud=False, is_remote=True)
ALL = [NEAR, OTHER, CLOUD, CODER, PASSED_ON]
NAMES = st.text("abcxyz0-:./*", min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("pattern", "name", "fits"),
    [
        ("qwen3", "qwen3:4b", True),
        ("QWEN3", "qwen3:4b", True),
        ("qwen3:8b", "qwen3:4b", False),
        ("qwen*", "qwen3-coder:30b", True),
        ("*", "anything/else:1b", True),
        ("gpt-*", "gpt-5", True),
        ("code", "code", True),
        ("code", "coder", False),
    ],
)
def test_a_pattern_without_a_tag_means_every_tag(pattern: str, name: str, *, fits: bool) -> None:
    assert means(pattern, name) is fits


def test_the_rules_of_groups_come_before_the_one_of_everybody() -> None:
    everybody = Rule("everybody", "", cloud=False)
    makers = Rule("group", "makers", models=("gpt-*",))

    assert rules_for([everybody, makers], ["makers"]) == (makers,)
    assert rules_for([everybody, makers], ["others"]) == (everybody,)
    assert allowed(rules_for([], []), CLOUD)


@pytest.mark.parametrize(
    ("rule", "offer", "asked", "may"),
    [
        (Rule("everybody", "", cloud=False), CLOUD, "", False),
        (Rule("everybody", "", cloud=False), PASSED_ON, "", False),
        (Rule("everybody", "", cloud=False), NEAR, "", True),
        (Rule("everybody", "", models=("team",)), NEAR, "team", True),
        (Rule("everybody", "", models=("team",)), NEAR, "", False),
        (Rule("everybody", "", providers=("clo*",)), NEAR, "", False),
        (Rule("everybody", "", models=()), NEAR, "", False),
        (Rule("everybody", "", models=("team",), cloud=False), CLOUD, "team", False),
    ],
)
def test_what_a_rule_lets_through(rule: Rule, offer: Offer, asked: str, *, may: bool) -> None:
    assert rule.allows(offer, asked) is may


def test_without_a_route_those_that_have_the_model_answer_the_idle_one_first() -> None:
    assert offers_of(None, "qwen3:4b", ALL) == [NEAR, OTHER]
    assert offers_of(None, "QWEN3:4B", [replace(NEAR, priority=200), OTHER])[0] == OTHER
    assert offers_of(None, "qwen3:4b", [replace(NEAR, is_up=False), OTHER])[0] == OTHER
    assert offers_of(None, "nothing", ALL) == []


def test_of_equal_priority_text_stays_on_the_premises() -> None:
    loaded = replace(CLOUD, model="qwen3:4b", is_loaded=True)
    passed_on = replace(NEAR, provider="far", is_remote=True, is_loaded=True)

    assert offers_of(None, "qwen3:4b", [passed_on, loaded, OTHER])[0] == OTHER
    assert offers_of(None, "qwen3:4b", [replace(loaded, priority=1), OTHER])[0].provider == "cloud"
    assert offers_of(None, "qwen3:4b", [loaded, replace(OTHER, is_up=False)])[0] == loaded


def test_a_route_names_its_candidates_in_order_and_each_once() -> None:
    team = Route("1", "team", (Candidate("cloud", "gpt-5"), Candidate("*", "qwen3:4b")))
    same = Route("2", "qwen*", (Candidate("other", "*"), Candidate("*", "*")))

    assert offers_of(team, "team", ALL) == [CLOUD, NEAR, OTHER]
    assert offers_of(same, "qwen3:4b", ALL) == [OTHER, NEAR]
    assert (route_for([team, same], "team"), route_for([team], "x")) == (team, None)


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("order", [CLOUD, NEAR, OTHER]),
        ("place", [NEAR, OTHER, CLOUD]),
        ("cost", [NEAR, OTHER, CLOUD]),
        ("speed", [OTHER, CLOUD, NEAR]),
    ],
)
def test_routes_go_by_order_place_cost_or_speed(by: By, expected: list[Offer]) -> None:
    speeds = {("other", "qwen3:4b"): Speed(90.0), ("cloud", "gpt-5:latest"): Speed(40.0)}
    prices = {("gpt-5", "cloud"): 10}

    found = ordered([CLOUD, NEAR, OTHER], by, speeds=speeds, price=lambda m, p: prices.get((m, p)))

    assert found == expected


def test_where_nobody_names_a_model_the_best_on_the_premises_answers() -> None:
    vectors = Offer("near", "bge-m3", is_cloud=False, capabilities=("embedding",))

    assert best([CLOUD, NEAR, CODER, vectors], for_code=True) == CODER
    assert best([CLOUD, NEAR, CODER, vectors], for_code=False) == NEAR
    assert best([CLOUD, vectors], for_code=False) == CLOUD
    assert best([vectors], for_code=False) is None


@given(NAMES, NAMES, st.booleans())
def test_without_the_cloud_nothing_leaves_whatever_patterns_say(
    model: str,
    pattern: str,
    is_remote: bool,  # noqa: FBT001 - hypothesis gives them by place
) -> None:
    rule = Rule("everybody", "", models=(pattern, "*"), cloud=False)
    offer = Offer("any", model, is_cloud=not is_remote, is_remote=is_remote)

    assert not allowed([rule], offer, pattern)
