"""What is said of a release that was made anew from the archive."""

import pytest

from wraparound.errors import BuildFailed
from wraparound.orchestration.parity import compared
from wraparound.orchestration.replaying import Replayed, must_be_same

THEN = {"rpt_schools": (2, 17), "rpt_today": (5, 40), "rpt_students": (9, 3)}


def test_the_same_reports_are_said_to_be_the_same():
    must_be_same(Replayed(3, as_made=True, reports=compared(THEN, dict(THEN))))


@pytest.mark.parametrize(
    ("now", "as_made", "said"),
    [
        (THEN | {"rpt_today": (5, 41)}, True, "1 of 3 reports of release 3 .* rpt_today. Nothing"),
        (THEN | {"rpt_today": (4, 40)}, False, "rpt_today. Rules, models"),
        ({"rpt_schools": (2, 17)}, True, "2 of 3 .* rpt_students, rpt_today"),
    ],
)
def test_what_differs_is_named_with_what_may_be_the_reason(now, as_made, said):
    with pytest.raises(BuildFailed, match=said):
        must_be_same(Replayed(3, as_made=as_made, reports=compared(THEN, now)))
