"""From need to service on one small district, with all that a feed can do wrong in between."""

import csv
import os
from collections import defaultdict
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner

from lib.need_feeds import (
    ALDER,
    BIRCH,
    CEDAR,
    DAMSON,
    EAST,
    ELDER,
    FIR,
    NEGATIVE,
    ODD,
    OPEN,
    SMALL,
    THURSDAY,
)
from lib.two_languages import texts_of, words_left
from lib.warehouse_in_tests import a_fresh_warehouse, findings, query
from wraparound import cli
from wraparound.errors import ReleaseMissing
from wraparound.orchestration import explaining, nights, privacy, sending
from wraparound.publishing import packets
from wraparound.publishing.lists import ListData
from wraparound.publishing.pages import render_school_page
from wraparound.publishing.sentences import read_sentences, translated

MAJORITY = date(2026, 12, 1)


@pytest.fixture(scope="module")
def district(thursday, tmp_path_factory):
    """The district after one published night."""
    with a_fresh_warehouse(thursday, tmp_path_factory.mktemp("need-to-service")) as settings:
        yield settings


def queue(settings, student):
    return query(
        settings,
        "select * from reports.rpt_referral_queue where student_source_id = %s"
        " order by school_source_id",
        student,
    )


def places(settings, service):
    (row,) = query(
        settings, "select * from marts.fct_service_places where service_id = %s", service
    )
    return row


def test_what_the_contract_refuses_waits_with_its_reason(district):
    found = {(rule, column) for _, _, column, rule, _ in findings(district)}
    assert ("reason_missing", "reason") in found
    assert any(column == "reason" and rule != "reason_missing" for rule, column in found)
    assert any(column == "available" for _, column in found)


def test_events_that_cannot_be_are_set_apart_and_counted(district):
    rows = query(district, "select * from marts.fct_service_events_set_apart order by event_id")
    assert [(row["event_id"], row["set_apart_reason"]) for row in rows] == [
        ("T-e3", "illegal_transition"),
        ("T-e4", "referral_unknown"),
    ]
    (metrics,) = query(
        district,
        "select service_events_set_apart as n from reports.rpt_gate_metrics"
        " where school_source_id = 'T-S1'",
    )
    assert metrics["n"] == 2
    verdicts = query(district, "select rule_id from ops.verdict where failing_count > 0")
    assert "release.service_events_count" in {row["rule_id"] for row in verdicts}


def test_the_state_stays_and_a_repeat_moves_no_clock(district):
    (need,) = queue(district, ALDER)
    assert (need["state"], need["days_in_state"]) == ("requested", 17)
    assert [row["state"] for row in queue(district, CEDAR)] == ["requested"]


def test_places_are_shared_out_in_order(district):
    # Three free, two promised since the count; what was promised to one who left is not.
    small = places(district, SMALL)
    assert (small["free_place_count"], small["promised_count"], small["place_count"]) == (3, 2, 1)
    assert (small["held_count"], small["waiting_count"]) == (1, 3)


def test_a_child_at_two_schools_is_on_both_lists_and_waits_once(district):
    rows = queue(district, EAST)
    assert [row["school_source_id"] for row in rows] == ["T-S1", "T-S2"]
    lines = [
        service["line_number"]
        for row in rows
        for service in row["services"]
        if service["service_id"] == SMALL
    ]
    assert len(lines) == 2
    assert len(set(lines)) == 1


def test_a_child_who_left_is_on_no_list_and_in_no_packet(district):
    assert queue(district, DAMSON) == []
    rows = query(district, "select student_source_id from reports.rpt_provider_packets")
    assert {row["student_source_id"] for row in rows} == {ALDER, CEDAR}


def test_directory_entries_that_need_a_person_are_listed(district):
    found = {(row["finding"], row["entity_id"]) for row in explaining.directory_findings(district)}
    assert {
        ("parent_unknown", "T-org"),
        ("no_category", ODD),
        ("no_ages", SMALL),
        ("no_count_of_places", NEGATIVE),
    } <= found


def test_who_is_next_in_the_line_is_told(district):
    told = explaining.line_at(district, service=SMALL)
    assert [(row["place_outcome"], row["line_number"]) for row in told] == [
        *(("place", 1), ("waiting", 1), ("waiting", 2), ("waiting", 3)),
    ]
    # The same level and age: a higher tier goes first, then the order of children.
    assert [row["student_source_id"] for row in told][:2] == [FIR, BIRCH]
    (need,) = queue(district, BIRCH)
    lines = {one["service_id"]: one for one in need["services"]}
    assert (lines[SMALL]["line_number"], lines[SMALL]["waiting_count"]) == (1, 3)


def test_a_child_stands_in_line_with_the_first_of_its_needs(district):
    asking = defaultdict(list)
    for row in query(
        district,
        "select p.service_id, q.student_source_id, q.school_source_id, q.rule_id"
        " from intermediate.int_places_allocated p"
        " inner join reports.rpt_referral_queue q on q.need_id = p.need_id"
        " where p.line_number is not null"
        " order by (q.priority ->> 'district_rank')::integer",
    ):
        asking[row["service_id"], row["student_source_id"]].append(
            (row["school_source_id"], row["rule_id"])
        )
    told = {
        (service, row["student_source_id"]): (row["school_source_id"], row["rule_id"])
        for service in {service for service, _ in asking}
        for row in explaining.line_at(district, service=service)
    }
    assert max(map(len, asking.values())) > 1
    assert told == {child: needs[0] for child, needs in asking.items()}


def test_what_is_missing_is_counted_by_school_and_category(district):
    rows = explaining.service_gaps(district)
    assert {
        (row["school_source_id"], row["category_label"], row["need_count"], row["referred_count"])
        for row in rows
    } == {("T-S1", "Tutoring", 6, 2), ("T-S2", "Tutoring", 1, 0)}
    (outcome,) = query(district, "select * from marts.fct_provider_outcomes")
    assert (outcome["organization_id"], outcome["service_count"]) == ("T-org", 1)
    assert (outcome["referral_count"], outcome["answered_count"]) == (3, 0)


def test_why_tells_each_criterion(district):
    def verdict(student, service):
        (answer,) = explaining.why(district, student=student, service=service)
        return answer

    assert verdict(BIRCH, NEGATIVE).verdict == "left out: the child is outside its ages"
    assert verdict(BIRCH, OPEN).verdict == (
        "fits: choice 2; may be asked: nobody says how many places there are"
    )
    assert "no category that is known" in verdict(BIRCH, ODD).verdict
    assert verdict(FIR, SMALL).verdict == "fits: choice 1; a place: no. 1 of 1 free"
    assert verdict(BIRCH, SMALL).verdict == "fits: choice 1; no place: no. 1 of 3 who wait"
    served = verdict(ALDER, SMALL)
    assert served.verdict == "left out: the child has an open referral to it"
    assert [one.criterion for one in served.criteria if not one.is_met] == ["not_served"]


def test_why_knows_only_known_ids(district):
    with pytest.raises(ReleaseMissing):
        explaining.why(district, student="T-nobody", service=SMALL)
    with pytest.raises(ReleaseMissing):
        explaining.why(district, student=BIRCH, service="T-nothing")


def test_the_families_to_ask_are_listed_once_for_each_provider(district):
    rows = query(
        district,
        "select student_source_id, school_source_id, consent_status, need_count"
        " from reports.rpt_consents_to_ask order by student_source_id, school_source_id",
    )
    asked = {(row["student_source_id"], row["school_source_id"]) for row in rows}
    # A consent for another provider covers no other.
    assert asked == {
        (BIRCH, "T-S1"),
        (ELDER, "T-S1"),
        (FIR, "T-S1"),
        (EAST, "T-S1"),
        (EAST, "T-S2"),
    }
    assert {row["consent_status"] for row in rows} == {"to_ask"}


def packet(out):
    (path,) = out.rglob("*.csv")
    return lines(path)


def lines(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_packet_holds_what_was_consented_to_and_is_logged(district, tmp_path, monkeypatch):
    def on_one_disk(draft, path, replace=Path.replace):
        assert draft.parent == path.parent, "the folder may be on another disk than the home"
        return replace(draft, path)

    monkeypatch.setattr(Path, "replace", on_one_disk)
    (sent,) = sending.packets(district, today=THURSDAY, out=tmp_path)

    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / sent.file_name]
    assert (tmp_path / sent.file_name).stat().st_mode & 0o777 == 0o600
    assert (sent.row_count, sent.denied_count, sent.is_new) == (2, 0, True)
    rows = packet(tmp_path)
    assert [row["referral_id"] for row in rows] == ["T-r1", "T-r3"]
    assert "strengths_summary" not in rows[0]
    assert "days_absent" not in rows[0]
    (logged,) = query(
        district,
        "select * from ops.disclosure where recipient_type = 'provider'"
        " order by disclosure_id desc limit 1",
    )
    assert (logged["recipient_id"], logged["legal_basis"]) == ("T-org", "consent")
    assert len(logged["student_keys"]) == 2

    path = tmp_path / sent.file_name
    os.utime(path, (0, 0))
    (again,) = sending.packets(district, today=THURSDAY, out=tmp_path)
    assert not again.is_new
    # What stands is not old.
    assert path.stat().st_mtime > 0


def test_a_packet_of_which_a_later_list_says_nothing_is_taken_away(
    district, tmp_path, monkeypatch
):
    """A consent that ended before the night leaves no row, and so none that could be denied."""
    (sent,) = sending.packets(district, today=THURSDAY, out=tmp_path)
    path = tmp_path / sent.file_name
    path.with_name("notes.csv").write_text("somebody else's")
    assert path.exists()
    monkeypatch.setattr(packets, "_rows_of", lambda *words, **more: [])
    assert sending.packets(district, today=THURSDAY, out=tmp_path) == ()
    assert [path.name for path in tmp_path.rglob("*.csv")] == ["notes.csv"]


def test_a_consent_withdrawn_yesterday_sends_nothing(district, tmp_path):
    (sent,) = sending.packets(district, today=date(2026, 11, 21), out=tmp_path)

    assert (sent.row_count, sent.denied_count) == (1, 1)
    assert [row["referral_id"] for row in packet(tmp_path)] == ["T-r3"]
    assert denials(district, ALDER) == [("provider", "T-org", 0)]
    sending.packets(district, today=date(2026, 11, 21), out=tmp_path)
    assert len(denials(district, ALDER)) == 1


def denials(settings, student):
    """What the log says was not told of a child: to whom, and under which delivery."""
    rows = privacy.disclosures_of(settings, student)
    return [
        (row["recipient_type"], row["recipient_id"], row["delivery_id"])
        for row in rows
        if row["legal_basis"] == "none"
    ]


@pytest.mark.parametrize(("day", "told"), [(date(2026, 11, 30), ["T-r3"]), (MAJORITY, [])])
def test_from_the_day_of_majority_a_parents_consent_sends_nothing(district, tmp_path, day, told):
    (sent,) = sending.packets(district, today=day, out=tmp_path)

    assert [row["referral_id"] for path in tmp_path.rglob("*.csv") for row in lines(path)] == told
    assert (sent.row_count, bool(denials(district, CEDAR))) == (len(told), not told)


def test_the_commands_print_no_name(district, monkeypatch, tmp_path):
    monkeypatch.setattr(nights, "load_settings", lambda: district)
    run = CliRunner()
    told = [
        run.invoke(cli.main, ["why", BIRCH, OPEN], catch_exceptions=False),
        run.invoke(cli.main, ["directory"], catch_exceptions=False),
        run.invoke(
            cli.main,
            ["packets", "--today", "2026-11-19", "--out", str(tmp_path)],
            catch_exceptions=False,
        ),
    ]
    assert [one.exit_code for one in told] == [0, 0, 0]
    assert "fits: choice 2" in told[0].output
    for one in told:
        assert "Birch2" not in one.output.replace(BIRCH, "")


def page_in(settings, language):
    """The page of T-S1 in a language, and the names on it."""
    names = (
        *("today", "referral_queue", "students", "need_profiles", "class_rosters"),
        *("reviews_due", "schools"),
    )
    of_school = "select * from reports.rpt_{} where school_source_id = 'T-S1'"
    rows = {name: query(settings, of_school.format(name)) for name in names}
    sentences = read_sentences(settings.seeds, language=language)
    said = translated(rows, sentences) if sentences else rows
    data = ListData.from_rows(
        school=rows["schools"][0],
        today=said["today"],
        queue=said["referral_queue"],
        students=said["students"],
        profiles=said["need_profiles"],
        class_rosters=said["class_rosters"],
        reviews_due=said["reviews_due"],
        release={"release_id": 1},
    )
    return render_school_page(data, workbook_name="list.xlsx", language=language)


def test_a_list_in_spanish_says_nothing_in_english(district):
    english, spanish = page_in(district, "en"), page_in(district, "es")
    services = query(district, "select service_name, organization_name from marts.dim_services")
    people = query(district, "select student_name from marts.dim_students")
    others = query(district, "select class_title, teacher_names from reports.rpt_class_rosters")
    schools = query(district, "select school_name from reports.rpt_schools")
    rows = (*services, *people, *others, *schools)
    names = [str(value) for row in rows for value in row.values()]
    assert words_left(english, spanish, names=[*names, "XLSX", "Wraparound"]) == []
    told = " ".join(texts_of(spanish))
    assert "siguiente en la lista de espera de 3" in told
    assert "coordinaci\N{LATIN SMALL LETTER O WITH ACUTE}n de la escuela" in told
