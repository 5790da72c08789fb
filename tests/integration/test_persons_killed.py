"""What persons do, killed before each step of it: an approval, and a list that comes back."""

import shutil
from contextlib import suppress
from datetime import date
from functools import partial
from itertools import count

from lib.killing import killed_before
from lib.list_builders import a_list, a_referral
from lib.release_builders import (
    ALDER,
    add_finding,
    build_reports,
    freeze_audited,
)
from lib.returned_lists import decide, need_id_of
from lib.warehouse_in_tests import arrivals, is_conserved, query
from wraparound.errors import ReleaseRejected
from wraparound.orchestration import approvals, nights
from wraparound.publishing import delivery, disclosure, releases
from wraparound.publishing.workbooks import write_workbook
from wraparound.warehouse import connection as connections
from wraparound.warehouse import roles

FIRST = date(2026, 11, 2)
RULES = {"T.first", "T.second"}
PERSON = {"by": "R. Reed", "reason": "Twins"}


def a_night(settings, *, held):
    """Publish a release that two rules hold, or none; returns its id."""
    with (
        connections.connect(settings) as owner,
        connections.connect(settings, role=roles.PUBLISHER) as publisher,
    ):
        candidate = freeze_audited(publisher, as_of=FIRST)
        for rule in RULES if held else ():
            add_finding(owner, candidate, school=ALDER, rule_id=rule)
        releases.publish_release(publisher, candidate.release_id)
        delivery.deliver_lists(settings, publisher, today=FIRST)
    return candidate.release_id


def by_command(settings, _release):
    approvals.approve(settings, school="T-ALDER", until=date(2100, 1, 1), **PERSON)


def by_airflow(settings, release):
    approvals.lift(settings, allow=f"Show release {release} to T-ALDER", **PERSON)


def test_an_approval_killed_at_each_step_is_done_by_the_next_night(settings, tmp_path):
    """At the keyboard and by Airflow's question in turns: both end in the same steps."""
    with connections.connect(settings) as connection:
        build_reports(connection, ALDER, as_of=FIRST)
    a_night(settings, held=False)
    for step in count(1):
        query(settings, "delete from ops.override returning override_id")
        release = a_night(settings, held=True)
        act = partial((by_command, by_airflow)[step % 2], settings, release)
        killed = killed_before(step, act, within=tmp_path)
        if killed is None:
            break
        # Where it was shown already, the command says that nothing is held.
        with suppress(ReleaseRejected):
            act()
        nights.show_again(settings, release_id=release, as_of=FIRST)
        (shown,) = query(settings, "select release_id from release.pointer")
        assert shown["release_id"] == release, killed
        told = query(settings, "select distinct rule_id, granted_by, reason from ops.override")
        assert {tuple(row.values()) for row in told} == {(r, "R. Reed", "Twins") for r in RULES}
        assert delivery.release_in(settings, "T-ALDER") == release, killed
        with connections.connect(settings) as connection:
            checked = disclosure.verify(connection, log_dir=settings.log_dir)
        assert checked.is_whole, killed
    assert step > 10


def test_a_list_that_comes_back_is_taken_once_wherever_it_was_killed(rostered, roster, tmp_path):
    student = roster.students[0]
    place = tmp_path / "list.xlsx"
    need = need_id_of(student.id, student.school, "AT-01")
    referral = a_referral(need_id=need, rule_id="AT-01", referral_rank=1)
    write_workbook(a_list(queue=[referral]), place, language="en")
    for step in count(1):
        nights.scan_inbox(rostered)
        known = len(arrivals(rostered))
        came = rostered.inbox / "list.xlsx"
        shutil.copy(place, came)
        decide(came, row=2, decision="connected", decided_by=f"P{step}")
        killed = killed_before(step, lambda: take_in(rostered), within=tmp_path)
        if killed is None:
            break
        take_in(rostered)
        (arrival,) = arrivals(rostered)[known:]
        assert arrival["state"] == "loaded", killed
        assert is_conserved(arrival), killed
        assert arrival["rows_in"] == 1, killed
        assert list(rostered.inbox.rglob("*")) == [], killed
    assert step > 10


def take_in(settings):
    nights.scan_inbox(settings, settle_seconds=0)
    for arrival_id in nights.pending_arrivals(settings):
        nights.load_arrival(settings, arrival_id)
