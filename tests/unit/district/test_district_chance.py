"""Small helpers of chance."""

import pytest

from wraparound.district.chance import draw, poisson, weighted


def test_a_generator_is_known_by_its_words():
    assert draw(1, "a").random() == draw(1, "a").random()
    assert draw(1, "a").random() != draw(1, "b").random()


def test_shares_that_fall_short_of_one_end_with_the_last_word():
    assert weighted(draw("any"), [("first", 0.0), ("last", 0.0)]) == "last"


def test_rare_events_have_the_mean_asked_for():
    rng = draw("rare")

    assert sum(poisson(rng, 0.4) for _ in range(4000)) / 4000 == pytest.approx(0.4, abs=0.05)
