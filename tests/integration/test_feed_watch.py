"""The feed watch: what did not come, or came oddly, is told once, and never in July."""

from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from lib.feed_builders import TARDY, a_file, attendance, csv_bytes
from lib.mail_server import a_mail_server
from lib.warehouse_in_tests import landed_and_loaded, query, write_district
from wraparound.contracts.district import load_district
from wraparound.orchestration import listener, nights, overview, tonight, watch
from wraparound.warehouse import ledger
from wraparound.warehouse.connection import connect

ZONE = ZoneInfo("America/New_York")
EXPECTED = """
expected:
  attendance: {{by: "05:00", owner: T. Linden{more}}}
"""
MONDAY = date(2026, 10, 5)
SENT = datetime(2026, 10, 5, 4, 0, tzinfo=ZONE)


def at(day, hour=6):
    return datetime(2026, day.month, day.day, hour, tzinfo=ZONE).replace(year=day.year)


def loaded_at(settings, moment):
    """As if everything that was received had come and been loaded at a moment."""
    query(
        settings,
        "with a as (update ops.arrival set received_at = %s, last_received_at = %s returning 1)"
        " update ops.feed_state set last_loaded_at = %s returning 1",
        moment,
        moment,
        moment,
    )


def told(settings, moment):
    return [(a.kind, a.feed) for a in watch.find_alarms(settings, now=moment)]


def calendar(folder, days, *, descriptor="Instructional day"):
    rows = [("T-S1", day.isoformat(), descriptor) for day in days]
    header = "schoolId,date,calendarEventDescriptor"
    return a_file(folder, "calendar.csv", csv_bytes(header, rows))


def weekdays(first, last):
    span = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return [day for day in span if day.weekday() < 5]


@pytest.fixture
def watched(rostered, roster, tmp_path):
    """Attendance is due each school day by five, and came on a Monday at four."""
    write_district(rostered, EXPECTED.format(more=""))
    days = set(weekdays(date(2026, 8, 31), date(2027, 6, 18))) - {date(2026, 10, 12)}
    rows = [(c.id, c.school, "2026-10-02", TARDY) for c in roster.students]
    landed_and_loaded(
        rostered, calendar(tmp_path / "in", sorted(days)), attendance(tmp_path / "in", rows)
    )
    loaded_at(rostered, SENT)
    return rostered


@pytest.mark.parametrize(
    ("moment", "expected"),
    [
        pytest.param(at(MONDAY), [], id="it came"),
        pytest.param(at(MONDAY + timedelta(days=1), 4), [], id="it is not due yet"),
        pytest.param(at(MONDAY + timedelta(days=1), 5), [("late", "attendance")], id="it is due"),
        pytest.param(at(MONDAY + timedelta(days=5)), [("late", "attendance")], id="still"),
    ],
)
def test_a_feed_is_late_when_its_hour_has_passed(watched, moment, expected):
    assert told(watched, moment) == expected


def test_what_came_at_the_hour_was_for_that_day_and_not_for_the_next(watched):
    loaded_at(watched, at(MONDAY, 5))
    assert told(watched, at(MONDAY, 5)) == []
    assert told(watched, at(MONDAY + timedelta(days=1), 5)) == [("late", "attendance")]


@pytest.mark.parametrize(
    ("loaded", "moment"),
    [
        pytest.param((9, 18), date(2026, 10, 11), id="a weekend"),
        pytest.param((9, 18), date(2026, 10, 12), id="a holiday"),
        pytest.param((9, 18), date(2026, 10, 13), id="the morning after it"),
        pytest.param((18, 4), date(2027, 7, 12), id="july"),
    ],
)
def test_no_feed_is_late_for_days_without_school(watched, loaded, moment):
    day, hour = loaded
    month = 6 if moment.month == 7 else 10
    loaded_at(watched, datetime(moment.year, month, day, hour, tzinfo=ZONE))
    assert told(watched, at(moment)) == []


def test_in_a_new_school_year_without_a_calendar_the_year_before_is_asked(watched):
    """Neither roster nor calendar came in autumn: nobody may think that it is still July."""
    assert told(watched, at(date(2027, 9, 7))) == [("late", "attendance")]


def test_a_feed_that_never_came_is_missing(settings):
    write_district(settings, EXPECTED.format(more=""))
    assert told(settings, at(MONDAY)) == [("missing", "attendance")]


def test_whoever_sends_a_feed_is_meant_where_nobody_is_named(watched):
    query(
        watched,
        "with a as (update ops.arrival set sender = 'grove' where feed = 'attendance' returning 1)"
        " update ops.feed_state set sender = 'grove' where feed = 'attendance' returning 1",
    )
    assert told(watched, at(MONDAY)) == []
    write_district(watched, EXPECTED.format(more=", sender: default"))
    assert told(watched, at(MONDAY)) == [("missing", "attendance")]


def test_a_renamed_file_is_told_the_first_night_and_once(watched, roster, tmp_path):
    """At a peer such a file went unnoticed for five weeks."""
    rows = [(c.id, c.school, "2026-10-05", TARDY) for c in roster.students]
    path = attendance(tmp_path / "in", rows, name="Export_neu.csv")
    path.write_text(path.read_text().replace("studentUniqueId", "Pupil"))
    nights.land(watched, [path])
    nights.ingest(watched)

    alarms = watch.find_alarms(watched, now=at(MONDAY + timedelta(days=1)))
    assert [alarm.kind for alarm in alarms] == ["late"]
    assert "1 files of this sender belong to no known feed" in alarms[0].text
    assert "was it renamed?" in alarms[0].text
    assert [alarm.owner for alarm in watch.tell(watched, alarms)] == ["T. Linden"]
    for day in range(2, 37):
        later = watch.find_alarms(watched, now=at(MONDAY + timedelta(days=day)))
        assert [alarm.kind for alarm in later] == ["late"]
        assert watch.tell(watched, later) == []
    assert len(query(watched, "select * from ops.event where kind = 'feed_late'")) == 1


def test_bytes_that_came_again_are_not_a_new_delivery(watched, roster, tmp_path):
    rows = [(c.id, c.school, "2026-10-02", TARDY) for c in roster.students]
    nights.land(watched, [attendance(tmp_path / "in", rows)])
    query(
        watched,
        "update ops.arrival set last_received_at = %s where received_count > 1 returning 1",
        at(MONDAY + timedelta(days=1), 4),
    )
    assert told(watched, at(MONDAY + timedelta(days=1))) == [("unchanged", "attendance")]


def test_a_shrunken_delivery_is_told(rostered, roster, tmp_path):
    more = ", shrunken_below: 0.5, compared_with: 3, within_days: 400"
    write_district(rostered, EXPECTED.format(more=more))
    for number, share in enumerate((10, 9, 10, 4)):
        rows = [(c.id, c.school, f"2026-10-0{number + 1}", TARDY) for c in roster.students[:share]]
        name = f"attendance_{number}.csv"
        landed_and_loaded(rostered, attendance(tmp_path / "in", rows, name=name))
        loaded_at(rostered, SENT)
        found = watch.find_alarms(rostered, now=at(MONDAY))
        assert [alarm.kind for alarm in found] == (["shrunken"] if number == 3 else [])
    assert "has 4 rows; the median of the 3 before is 10" in found[0].text


def test_deliveries_that_change_nothing_are_told(rostered, roster, tmp_path):
    write_district(rostered, EXPECTED.format(more=", unchanged_after: 2, within_days: 400"))
    rows = [[c.id, c.school, "2026-10-01", TARDY] for c in roster.students]
    for number in range(3):
        rows.reverse()  # other bytes, the same words
        path = attendance(tmp_path / "in", rows[: 10 - number], name=f"attendance_{number}.csv")
        landed_and_loaded(rostered, path)
        loaded_at(rostered, SENT)
        expected = [("unchanged", "attendance")] if number == 2 else []
        assert told(rostered, at(MONDAY)) == expected


def test_a_newest_delivery_that_was_set_aside_is_told_expected_or_not(rostered, roster, tmp_path):
    broken = a_file(tmp_path / "in", "discipline.zip", b"PK\x03\x04 broken")
    landed_and_loaded(rostered, broken)
    (alarm,) = watch.find_alarms(rostered, now=at(MONDAY))
    assert (alarm.kind, alarm.feed) == ("set_aside", "discipline")
    assert "was refused (W21)" in alarm.text


def test_an_alarm_goes_to_its_owner_by_mail_once_and_again_after_trouble(rostered):
    with a_mail_server() as server:
        channel = (
            "channels:\n  mail: {kind: email, host: 127.0.0.1, port: "
            f"{server.port}, sender: a@example.org, link: 'https://lists.example.org/'}}\n"
        )
        more = ", owner_mail: linden@example.org"
        write_district(rostered, EXPECTED.format(more=more) + channel)
        alarms = watch.find_alarms(rostered, now=at(MONDAY))
        server.fault = "busy"
        watch.tell(rostered, alarms)
        assert server.mails == []
        server.fault = ""
        watch.tell(rostered, alarms)
        watch.tell(rostered, alarms)
        (mail,) = server.mails
    assert mail["To"] == "linden@example.org"
    assert "The attendance feed has never come." in mail.get_content()
    assert "T-Alder" not in mail.as_string()


def test_status_says_what_to_look_at(rostered):
    write_district(rostered, EXPECTED.format(more=""))
    said = "  The attendance feed has never come."
    assert f"{said} Owner: T. Linden" in overview.overview(rostered)["lines"]
    write_district(rostered, EXPECTED.format(more="").replace(", owner: T. Linden", ""))
    assert said in overview.overview(rostered)["lines"]


def test_status_counts_students_whom_no_school_has(rostered, roster):
    assert overview.overview(rostered)["students_of_no_school"] == 0
    ids = [child.id for child in roster.students[:2]]
    with connect(rostered) as connection:
        connection.execute(
            "update raw.roster__enrollments set _deleted_at = now()"
            " where user_sourced_id = any(%s)",
            [ids],
        )
    # Their own records name a school still.
    assert overview.overview(rostered)["students_of_no_school"] == 0
    with connect(rostered) as connection:
        connection.execute(
            "update raw.roster__users set org_sourced_ids = null where sourced_id = any(%s)", [ids]
        )
    told = overview.overview(rostered)
    assert told["students_of_no_school"] == 2
    assert any("without any school: 2. They are on no list" in line for line in told["lines"])


def test_the_page_tonight_says_what_to_look_at_and_who_owns_it(rostered):
    write_district(rostered, EXPECTED.format(more=""))
    watch.tell(rostered, watch.find_alarms(rostered, now=at(MONDAY)))
    page = tonight.render(rostered)
    assert page.count("The attendance feed has never come.") == 2  # it stands, and it was told
    assert "T. Linden" in page


def a_delivery(day, **words):
    """What the ledger has of a delivery of attendance on a day of October, at four."""
    moment = datetime(2026, 10, day, 4, tzinfo=ZONE)
    return {
        "sender": "default",
        "state": "loaded",
        "received_at": moment,
        "last_received_at": moment,
        "rows_in": 10,
        "rows_loaded": 10,
        **words,
    }


def in_the_ledger(settings, *deliveries):
    """As if the deliveries had come, and those that are loaded had been when they came."""
    for number, delivery in enumerate(deliveries):
        names = ", ".join(delivery)
        places = ", ".join(["%s"] * len(delivery))
        query(
            settings,
            "insert into ops.arrival (feed, file_name, sha256, byte_count, "
            f"{names}) values ('attendance', 'a.csv', '{number}', 1, {places}) returning 1",
            *delivery.values(),
        )
        if delivery["state"] == "loaded":
            query(
                settings,
                "insert into ops.feed_state values ('attendance', %s, 1, 1, %s) on conflict"
                " (feed, sender) do update set last_loaded_at = excluded.last_loaded_at"
                " returning 1",
                delivery["sender"],
                delivery["received_at"],
            )


NOTHING_NEW = {"rows_loaded": 0}
WEDNESDAY = at(MONDAY + timedelta(days=2))


@pytest.mark.parametrize(
    ("more", "deliveries", "expected"),
    [
        pytest.param("", [a_delivery(5, last_received_at=at(date(2026, 10, 6), 4))], ["late"],
                     id="the same bytes, and since then nothing"),
        pytest.param("", [a_delivery(5), a_delivery(7, state="pending")], ["late"],
                     id="what waits has not come"),
        pytest.param(", days: [0]", [a_delivery(5)], [], id="on mondays only"),
        pytest.param("", [a_delivery(5), a_delivery(7, sender="grove")], [], id="another sender"),
        pytest.param(", unchanged_after: 2", [a_delivery(6, **NOTHING_NEW),
                     a_delivery(7, **NOTHING_NEW, rows_ended=1)], [], id="records ended"),
        pytest.param(", unchanged_after: 2", [a_delivery(6, **NOTHING_NEW),
                     a_delivery(7, **NOTHING_NEW, rows_quarantined=1)], [], id="rows set aside"),
        pytest.param(", unchanged_after: 2", [a_delivery(7, received_count=2)], [],
                     id="the same bytes again"),
        pytest.param(", unchanged_after: 2", [a_delivery(7, received_count=3)], ["unchanged"],
                     id="the same bytes twice more"),
        pytest.param(", shrunken_below: 0.5, compared_with: 2", [a_delivery(5), a_delivery(6),
                     a_delivery(7, rows_in=5)], [], id="just half"),
        pytest.param(", shrunken_below: 0.5, compared_with: 2", [a_delivery(5), a_delivery(6),
                     a_delivery(7), a_delivery(7, state="refused", rows_in=0)], ["set_aside"],
                     id="one that was refused is not small"),
        pytest.param("", [a_delivery(7), a_delivery(6, state="refused")], [],
                     id="an older one was let in after one that was refused"),
    ],
)  # fmt: skip
def test_what_came_is_held_against_what_came_before(settings, more, deliveries, expected):
    write_district(settings, EXPECTED.format(more=more))
    in_the_ledger(settings, *deliveries)
    assert [kind for kind, _ in told(settings, WEDNESDAY)] == expected


AUTUMN = frozenset({date(2026, 10, 5), date(2026, 10, 9), date(2026, 10, 13)})
YEAR = ((date(2026, 8, 31), date(2027, 6, 18)),)


@pytest.mark.parametrize(
    ("days", "sessions", "day", "is_open"),
    [
        pytest.param(AUTUMN, YEAR, date(2026, 10, 12), False, id="a holiday of the calendar"),
        pytest.param(AUTUMN, (), date(2026, 10, 13), True, id="its last day"),
        pytest.param(AUTUMN, YEAR, date(2026, 10, 14), True, id="after it, in the session"),
        pytest.param(AUTUMN, (), date(2026, 10, 14), False, id="after it, without one"),
        pytest.param((), YEAR, MONDAY, True, id="sessions stand for a calendar that never came"),
        pytest.param((), YEAR, date(2026, 10, 4), False, id="a sunday"),
        pytest.param((), YEAR, date(2027, 6, 17), True, id="the last day of a session"),
        pytest.param((), YEAR, date(2027, 6, 18), False, id="the day on which it is over"),
        pytest.param((), YEAR, date(2027, 7, 5), False, id="july"),
        pytest.param(
            (), YEAR, date(2027, 10, 5), True, id="an unknown year is like the one before"
        ),
        pytest.param(AUTUMN, (), date(2027, 10, 8), True, id="by its weekdays"),
        pytest.param(AUTUMN, (), date(2027, 10, 9), False, id="a saturday after an open friday"),
        pytest.param((), (), MONDAY, True, id="nothing is known"),
        pytest.param((), (), date(2026, 10, 4), False, id="nothing is known of a sunday"),
    ],
)
def test_a_day_is_open_by_calendar_sessions_or_the_year_before(days, sessions, day, is_open):
    district = load_district(Path(__file__).resolve().parents[2] / "config" / "district.yml")
    assert watch.SchoolDays(district, frozenset(days), sessions).is_open(day) is is_open


@pytest.mark.parametrize(
    ("descriptors", "expected"),
    [
        pytest.param(["Instructional day"], MONDAY, id="lessons"),
        pytest.param(["Student late arrival/early dismissal"], MONDAY, id="half a day"),
        pytest.param(["INSTRUCTIONAL DAY"], MONDAY, id="other letters"),
        pytest.param(["Instructional day", "Weather day"], date(2026, 10, 2), id="snow"),
        pytest.param(["Holiday"], date(2026, 10, 2), id="holiday"),
    ],
)
def test_a_night_and_the_watch_know_school_days_by_the_seed(
    watched, tmp_path, monkeypatch, descriptors, expected
):
    rows = [("T-S1", "2026-10-02", "Instructional day")]
    rows += [("T-S1", MONDAY.isoformat(), descriptor) for descriptor in descriptors]
    header = "schoolId,date,calendarEventDescriptor"
    landed_and_loaded(watched, a_file(tmp_path / "new", "calendar.csv", csv_bytes(header, rows)))
    monkeypatch.setattr(nights, "today_at_the_door", lambda settings: MONDAY)
    assert nights.as_of_at_the_door(watched) == expected
    late = told(watched, at(MONDAY + timedelta(days=1)))
    assert late == ([("late", "attendance")] if expected == MONDAY else [])


def a_run(settings, dag_id, state):
    run_id = f"{dag_id} {state}"
    if state == "failed":
        listener._record(
            kind="task",
            dag_id=dag_id,
            run_id=run_id,
            state=state,
            detail={"code": "W02"},
            task_id="build_reports",
        )
    listener._record(kind="dag_run", dag_id=dag_id, run_id=run_id, state=state, detail={})


def test_a_night_that_failed_is_told_to_whoever_runs_it_until_one_ends_well(rostered, monkeypatch):
    monkeypatch.setattr(listener, "load_settings", lambda: rostered)
    for dag_id in ("publish", "ingest"):
        a_run(rostered, dag_id, "failed")
    with a_mail_server() as server:
        channel = (
            "operator_mail: oncall@example.org\n"
            "channels:\n  mail: {kind: email, host: 127.0.0.1, port: "
            f"{server.port}, sender: a@example.org, link: 'https://lists.example.org/'}}\n"
        )
        write_district(rostered, channel)
        for _ in range(2):
            watch.tell(rostered, watch.find_alarms(rostered))
        (mail,) = server.mails
    [alarm] = watch.find_alarms(rostered)
    assert (alarm.kind, alarm.feed) == ("failed", "publish")
    assert "(W02)" in alarm.text
    assert (mail["To"], "publish, failed" in mail["Subject"]) == ("oncall@example.org", True)
    assert tonight.render(rostered).count("The pipeline publish failed") == 2

    a_run(rostered, "publish", "success")
    assert watch.find_alarms(rostered) == []


def test_a_list_that_was_shown_since_makes_up_for_a_night_that_failed(rostered, monkeypatch):
    monkeypatch.setattr(listener, "load_settings", lambda: rostered)
    write_district(rostered, "")
    for dag_id in ("publish", "maintain"):
        a_run(rostered, dag_id, "failed")
    query(
        rostered,
        "insert into ops.release (as_of_date, state, published_at)"
        " values ('2026-10-05', 'published', clock_timestamp()) returning 1",
    )
    assert told(rostered, at(MONDAY)) == [("failed", "maintain")]


def a_night(settings, moment):
    """As if a night had come to its end at a moment."""
    with connect(settings) as connection:
        ledger.end_night(connection, 1, is_new=False)
    query(
        settings, "update ops.event set happened_at = %s where kind = 'night' returning 1", moment
    )


FRIDAY = MONDAY - timedelta(days=3)


def test_a_night_that_did_not_come_is_told_on_a_school_day(settings):
    write_district(settings, "")
    assert told(settings, at(MONDAY, 8)) == []  # there never was one
    a_night(settings, at(FRIDAY))
    sunday, next_monday = MONDAY - timedelta(days=1), MONDAY + timedelta(days=7)
    for moment in (at(FRIDAY, 23), at(sunday, 12), at(MONDAY, 7)):
        assert told(settings, moment) == []
    for moment in (at(MONDAY, 8), at(next_monday)):
        assert told(settings, moment) == [("overdue", "publish")]


def test_a_night_that_failed_is_not_told_as_one_that_did_not_come(settings, monkeypatch):
    monkeypatch.setattr(listener, "load_settings", lambda: settings)
    write_district(settings, "")
    a_night(settings, at(FRIDAY))
    a_run(settings, "publish", "failed")
    assert told(settings, at(MONDAY, 8)) == [("failed", "publish")]


def a_hold(settings):
    """As if the newest release held a school of three, which never had a list."""
    query(
        settings,
        "with r as (insert into ops.release (as_of_date, state) values ('2026-10-05', 'published')"
        " returning release_id), v as (insert into ops.verdict"
        " (release_id, school_key, rule_id, severity, failing_count, message)"
        " select release_id, 7, 'release.churn_lost', 'hold', 3, 'Many left.' from r)"
        " insert into ops.release_school"
        " (release_id, school_key, school_source_id, verdict, student_count, live)"
        " select release_id, 7, 'T-ALDER', 'hold', 3, false from r returning release_id",
    )


def test_whoever_runs_the_nights_is_told_of_held_schools(settings):
    write_district(settings, "operator_mail: oncall@example.org\n")
    a_hold(settings)
    [alarm] = watch.find_alarms(settings)
    assert (alarm.kind, alarm.event, alarm.since) == ("held", "pipeline_held", 1)
    assert "holds: T-ALDER." in alarm.text
    assert watch._address(load_district(settings.district_file), alarm) == "oncall@example.org"


def test_an_answer_that_could_not_be_carried_out_is_told_while_a_school_is_held(
    settings, monkeypatch
):
    monkeypatch.setattr(listener, "load_settings", lambda: settings)
    write_district(settings, "")
    a_run(settings, "approve", "failed")
    assert watch.find_alarms(settings) == []
    a_hold(settings)
    kinds = [(alarm.kind, alarm.feed) for alarm in watch.find_alarms(settings)]
    assert kinds == [("failed", "approve"), ("held", "publish")]
