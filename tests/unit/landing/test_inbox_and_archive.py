"""The inbox, the archive, and which feed a file belongs to."""

import hashlib
import os
import stat
from functools import partial
from itertools import count

import pytest

from lib.feed_builders import ATTENDANCE, Roster, a_file, a_zip, children
from lib.killing import killed_before
from wraparound.contracts.district import District
from wraparound.errors import ArrivalIncomplete, ArrivalUnsafe, FeedUnknown
from wraparound.landing import archive, inbox
from wraparound.landing.opening import open_members
from wraparound.landing.recognising import recognise

ROSTER = Roster(children(2))


def a_district(**senders):
    return District.model_validate(
        {"name": "Grove", "time_zone": "America/New_York", "senders": senders}
    )


OWN_NAMES = {
    "feeds": {
        "attendance": {"files": ["abs_*.txt"]},
        "roster": {"tables": {"orgs": {"file": "School.csv"}, "users": {"file": "Kids.csv"}}},
    }
}


def found(folder, district=None):
    return [
        (str(f.path.relative_to(folder)), f.sender, f.feed)
        for f in inbox.find_complete(folder, district=district or a_district(), settle_seconds=0)
    ]


def test_folders_of_the_inbox_say_who_sent_what(tmp_path):
    for place in ("", "grove", "staff", "grove/staff", "notes"):
        a_file(tmp_path / place, "x.csv", "a\n1\n")
    assert found(tmp_path, a_district(grove=OWN_NAMES)) == [
        ("grove/staff/x.csv", "grove", "staff"),
        ("grove/x.csv", "grove", None),
        ("notes/x.csv", "default", None),
        ("staff/x.csv", "default", "staff"),
        ("x.csv", "default", None),
    ]


def test_a_pattern_of_one_sender_says_whose_a_file_is(tmp_path):
    a_file(tmp_path, "abs_1.txt", "x\n1\n")
    grove = a_district(grove=OWN_NAMES)
    assert found(tmp_path, grove) == [("abs_1.txt", "grove", None)]
    two = a_district(grove=OWN_NAMES, copse=OWN_NAMES)
    assert found(tmp_path, two) == [("abs_1.txt", "default", None)]


@pytest.mark.parametrize("name", [".x.csv", "x.csv.part", "x.csv.tmp", "x.csv.filepart"])
def test_unfinished_names_are_left_alone(tmp_path, name):
    a_file(tmp_path, name, "a\n1\n")
    assert found(tmp_path) == []


@pytest.mark.parametrize(
    ("file", "taken"),
    [
        ("api/students/incremental/upserts/rundate=2026-09-01/p.json", ("api", "default", None)),
        ("api/students/p.json", ("api", "default", None)),
        ("api/grades/upserts/p.json", ("api", "default", None)),
        ("grove/grades/p.json", ("grove/grades/p.json", "grove", "grades")),
        ("grove/grades/p.csv", ("grove/grades/p.csv", "grove", "grades")),
        ("grove/students/p.csv", ("grove/students/p.csv", "grove", None)),
    ],
)
def test_a_tree_of_resources_is_one_delivery(tmp_path, file, taken):
    path = tmp_path / file
    a_file(path.parent, path.name, "[]")
    assert found(tmp_path, a_district(grove=OWN_NAMES)) == [taken]


def test_several_files_of_resources_are_one_delivery(tmp_path):
    for name in ("students.json", "schools.jsonl", "notes.txt"):
        a_file(tmp_path / "export", name, "[]")
    assert found(tmp_path) == [("export", "default", None)]


def test_a_folder_with_a_manifest_is_one_delivery(tmp_path):
    for name, content in ROSTER.members().items():
        a_file(tmp_path / "package", name, content)
    assert found(tmp_path) == [("package", "default", None)]


def test_a_folder_of_a_senders_own_names_is_one_delivery(tmp_path):
    for name in ("School.csv", "Kids.csv"):
        a_file(tmp_path / "grove" / "export", name, "a\n1\n")
    assert found(tmp_path, a_district(grove=OWN_NAMES)) == [("grove/export", "grove", None)]


def test_a_folder_of_many_feeds_is_a_folder_of_deliveries(tmp_path):
    names = ("attendance.csv", "section_attendance.csv")
    for name in names:
        a_file(tmp_path / "one", name, "a\n1\n")
        a_file(tmp_path / "many", name, "a\n1\n")
    a_file(tmp_path / "many", "calendar.csv", "a\n1\n")
    assert [place for place, *_ in found(tmp_path)] == [
        *(f"many/{name}" for name in sorted((*names, "calendar.csv"))),
        "one",
    ]


def test_a_folder_that_is_written_to_is_not_complete(tmp_path):
    a_file(tmp_path / "package", "manifest.csv", "a\n1\n")
    settled = inbox.find_complete(tmp_path, district=a_district(), settle_seconds=60)
    assert settled == []


def test_a_file_of_a_time_to_come_is_whole_all_the_same(tmp_path):
    path = a_file(tmp_path, "x.csv", "a\n1\n")
    tomorrow = path.stat().st_mtime + 86_400
    os.utime(path, (tomorrow, tomorrow))
    assert found(tmp_path) == [("x.csv", "default", None)]
    assert inbox.find_complete(tmp_path, district=a_district(), settle_seconds=60) == []


def test_the_same_bytes_are_stored_once_and_read_only(tmp_path):
    first = archive.store(a_file(tmp_path, "a.csv", "x\n"), tmp_path / "archive")
    again = archive.store(a_file(tmp_path, "b.csv", "x\n"), tmp_path / "archive")
    assert (first.path, first.sha256) == (again.path, again.sha256)
    assert stat.S_IMODE(first.path.stat().st_mode) == 0o400
    assert [p for p in (tmp_path / "archive").rglob("*") if p.is_file()] == [first.path]


def test_a_file_in_a_zip_is_called_by_what_can_be_seen(tmp_path):
    path = a_zip(tmp_path, "x.zip", {"a\u202e\x1b.csv": b"Oak", "b \u00e9.csv": b"Elm"})
    members = open_members(path, file_name="x.zip")
    assert [*members] == ["a\\u202e\\x1b.csv", "b \u00e9.csv"]
    assert [member.name for member in members.values()] == [*members]
    with members["a\\u202e\\x1b.csv"].open() as stream:
        assert stream.read() == b"Oak"


def test_a_folder_is_packed_to_the_same_bytes_each_time(tmp_path):
    hashes = set()
    for place in ("one", "two"):
        for name in sorted(ROSTER.members(), reverse=True):
            a_file(tmp_path / place, name, ROSTER.members()[name])
        hashes.add(archive.store(tmp_path / place, tmp_path / "archive").sha256)
    assert len(hashes) == 1


def test_what_is_no_file_is_not_taken(tmp_path):
    (tmp_path / "link.csv").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "pipe.csv")
    for name in ("link.csv", "pipe.csv"):
        with pytest.raises(ArrivalUnsafe):
            archive.store(tmp_path / name, tmp_path / "archive")
    with pytest.raises(ArrivalIncomplete):
        archive.store(tmp_path / "gone.csv", tmp_path / "archive")


def test_only_what_was_read_is_removed(tmp_path):
    path = a_file(tmp_path, "a.csv", "x\n")
    known = archive.fingerprint(path)
    path.write_text("newer\n")
    done = a_file(tmp_path, "a.csv.done", "")
    archive.take_away(path, known=known, sidecars=[done])
    assert path.read_text() == "newer\n"
    assert done.exists()
    archive.take_away(path, known=archive.fingerprint(path), sidecars=[done])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("file_names", [("a.csv",), ("a/orgs.csv", "a/users.csv", "a/new.csv")])
def test_what_was_half_taken_away_is_put_back_whole_or_not_at_all(tmp_path, file_names):
    """A folder that comes back in part would be taken for a delivery of its own."""
    delivery = tmp_path / file_names[0].split("/")[0]
    done = delivery.with_name(f"{delivery.name}.done")
    every = {done, *(tmp_path / name for name in file_names)}
    outcomes = []
    for step in count(1):
        for path in every:
            path.parent.mkdir(exist_ok=True)
            path.write_text("x\n")
        known = archive.fingerprint(delivery)
        act = partial(archive.take_away, delivery, known=known, sidecars=[done])
        killed = killed_before(step, act, within=tmp_path)
        archive.put_back_all(tmp_path)
        left = {path for path in tmp_path.rglob("*") if path.is_file()}
        assert left in (every, set()), killed
        outcomes.append(bool(left))
        if killed is None:
            break
    assert outcomes == sorted(outcomes, reverse=True)
    assert set(outcomes) == {True, False}


def recognised(path, *, sender="default", district=None):
    members = open_members(path, file_name=path.name)
    (feed,) = recognise(
        members, file_name=path.name, district=district or a_district(), sender=sender
    )
    return feed


def test_a_file_is_known_by_its_name_its_members_or_its_header(tmp_path):
    assert recognised(a_file(tmp_path, "attendance_0901.csv", "x\n1\n")) == "attendance"
    assert recognised(a_file(tmp_path, "export.csv", ATTENDANCE + "\n")) == "attendance"
    assert recognised(a_zip(tmp_path, "export.zip", ROSTER.members())) == "roster"


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("export.xml", "XML is not read: ask the sender for CSV"),
        ("export.json", "Name a file of one resource after it, as studentSchoolAssociations.json"),
        ("export.txt", "Name it after its feed"),
    ],
)
def test_a_file_that_nobody_knows_says_what_to_do(tmp_path, name, advice):
    with pytest.raises(FeedUnknown, match=advice):
        recognised(a_file(tmp_path, name, "x\n1\n"))


def test_a_profile_knows_its_senders_names(tmp_path):
    district = a_district(grove=OWN_NAMES)
    exported = a_file(tmp_path, "abs_1.txt", "x\n1\n")
    assert recognised(exported, sender="grove", district=district) == "attendance"
    package = a_zip(tmp_path, "export.zip", {"School.csv": b"x\n1\n", "Kids.csv": b"x\n1\n"})
    assert recognised(package, sender="grove", district=district) == "roster"
    with pytest.raises(FeedUnknown):
        recognised(exported, district=district)


def test_a_sidecar_says_that_a_file_is_whole_and_is_none_itself(tmp_path):
    for name in ("a.csv", "b.csv", "c.csv", "a.csv.done", "b.csv.sha256"):
        a_file(tmp_path, name, "a\n1\n")
    settled = inbox.find_complete(tmp_path, district=a_district(), settle_seconds=60)
    assert [f.path.name for f in settled] == ["a.csv", "b.csv"]


def test_who_promises_sidecars_is_waited_for(tmp_path):
    for name in ("x.csv", "y.csv", "y.csv.done"):
        a_file(tmp_path / "grove", name, "a\n1\n")
    district = a_district(grove={"sidecar": True})
    assert [place for place, *_ in found(tmp_path, district)] == ["grove/y.csv"]


@pytest.mark.parametrize("said", ["", "0" * 64, "\u00e9"])
def test_bytes_that_are_not_what_their_checksum_says_are_not_taken(tmp_path, said):
    a_file(tmp_path / "in", "x.csv", "a\n1\n")
    a_file(tmp_path / "in", "x.csv.sha256", said)
    (one,) = inbox.find_complete(tmp_path / "in", district=a_district(), settle_seconds=0)
    with pytest.raises(ArrivalIncomplete, match="not what its checksum says"):
        archive.store(one.path, tmp_path / "archive", checksum=one.checksum)
    assert [path for path in (tmp_path / "archive").rglob("*") if path.is_file()] == []


def test_bytes_that_are_what_their_checksum_says_are_taken(tmp_path):
    path = a_file(tmp_path / "in", "x.csv", "a\n1\n")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    a_file(tmp_path / "in", "x.csv.sha256", f"{digest.upper()}  x.csv\n")
    (one,) = inbox.find_complete(tmp_path / "in", district=a_district(), settle_seconds=60)
    assert archive.store(one.path, tmp_path / "archive", checksum=one.checksum).sha256 == digest
