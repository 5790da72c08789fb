"""JSON as records, and records as rows of text."""

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from wraparound.contracts.district import TableProfile
from wraparound.contracts.loader import load_contracts
from wraparound.errors import ContractBroken, SettingsWrong
from wraparound.landing import json_records
from wraparound.landing.json_extras import NAMES_MAX, Extras, Level
from wraparound.landing.json_records import read_records
from wraparound.landing.json_source import JsonSource, parse_path
from wraparound.landing.opening import Member


def lists_in_lists(depth):
    value = "x"
    for _ in range(depth):
        value = [value]
    return value


def a_member(folder, content, *, name="students.json"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return Member(name, path.stat().st_size, path, zipped=False)


def read(folder, content, **words):
    return [
        (record.number, record.value if record.broken is None else "broken")
        for record in read_records(a_member(folder, content), **words)
    ]


@pytest.mark.parametrize(
    ("content", "records"),
    [
        pytest.param(b"", [], id="nothing"),
        pytest.param(b"\xef\xbb\xbf", [], id="only a byte order mark"),
        pytest.param("[]", [], id="an empty page"),
        pytest.param('[{"a":1},{"b":2.50}]', [(1, {"a": "1"}), (2, {"b": "2.50"})], id="a page"),
        pytest.param('{"a":1}\r\n\r\n{"b":2}', [(1, {"a": "1"}), (3, {"b": "2"})], id="lines"),
        pytest.param('{"a":1}\n{"b":\n{"c":3}', [(1, {"a": "1"}), (2, "broken"), (3, {"c": "3"})],
                     id="a broken line"),
        pytest.param('{"b":\n{"c":3}', [(1, "broken"), (2, {"c": "3"})], id="the first is broken"),
        pytest.param('{\n "a": ["[", 2]\n}', [(1, {"a": ["[", "2"]})], id="one over lines"),
        pytest.param('{"data":[{"x":1},{"x":2}],"next":0}', [(1, {"x": "1"}), (2, {"x": "2"})],
                     id="an envelope"),
        pytest.param('[{"a":1},{"a":bad},{"a":"}"}]',
                     [(1, {"a": "1"}), (2, "broken"), (3, {"a": "}"})], id="a broken entry"),
        pytest.param('[{"a":1}]\n[{"a":2}]', [(1, {"a": "1"}), (2, {"a": "2"})], id="two pages"),
        pytest.param('{"a":NaN}\n', [(1, "broken")], id="no number"),
        pytest.param("oh no\n", [(1, "broken")], id="no JSON at all"),
    ],
)  # fmt: skip
def test_every_shape_of_json_is_read(tmp_path, content, records):
    assert read(tmp_path, content, envelope=("data",)) == records


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b'[{"a":1},{"a":', "breaks off at record 2", id="cut off"),
        pytest.param(b'[{"a":1},', "breaks off", id="not closed"),
        pytest.param(b'{"a":"\xff"}', "is not utf-8 at byte 6", id="another encoding"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_refused(tmp_path, content, message):
    with pytest.raises(ContractBroken, match=message):
        read(tmp_path, content)


def test_a_record_beyond_reason_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(json_records, "RECORD_MAX", 100)
    monkeypatch.setattr(json_records, "CHARS", 50)
    for opening in ("", "["):
        with pytest.raises(ContractBroken, match="record of more than"):
            read(tmp_path, opening + json.dumps({"a": "x" * 400}))


def test_a_page_on_one_line_may_be_longer_than_a_record(tmp_path, monkeypatch):
    monkeypatch.setattr(json_records, "RECORD_MAX", 100)
    monkeypatch.setattr(json_records, "CHARS", 50)
    assert len(read(tmp_path, json.dumps([{"a": "x"}] * 200))) == 200


RECORDS = st.lists(
    st.dictionaries(st.text(max_size=5), st.text(max_size=20) | st.none() | st.booleans()),
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@example(records=[{"": "}"}], indent=1, chars=1)
@given(records=RECORDS, indent=st.sampled_from([None, 1]), chars=st.integers(1, 40))
def test_blocks_of_any_size_give_the_same_records(tmp_path_factory, records, indent, chars):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_records, "CHARS", chars)
        folder = tmp_path_factory.mktemp("json")
        page = read(folder, json.dumps(records, indent=indent))
        lines = read(folder, "\n".join(json.dumps(record) for record in records) + "\n")
    assert [value for _, value in page] == records == [value for _, value in lines]


# ------------------------------------------------------------------ paths


USERS = load_contracts()["roster"].tables["users"]


def rows(folder, records, *, columns, table=USERS, names_too=False, **shape):
    source = JsonSource(
        a_member(folder, "\n".join(json.dumps(record) for record in records)),
        table,
        TableProfile(columns=columns, **shape),
        names_too=names_too,
    )
    unusable = []
    found = list(source.rows(unusable, extras=Extras()))
    return found, [(one.number, one.rule, one.column) for one in unusable]


@pytest.mark.parametrize(
    ("path", "record", "cell"),
    [
        pytest.param("a.b", {"a": {"b": "x"}}, "x", id="a member of a member"),
        pytest.param("a.b", {"a": None}, None, id="a member of nothing"),
        pytest.param("a|b.c", {"b": {"c": "x"}}, "x", id="the other name"),
        pytest.param("a or b[0].c", {"b": [{"c": "x"}, {"c": "y"}]}, "x", id="the other path"),
        pytest.param("a[].b", {"a": [{"b": "x"}, {"b": None}, {"b": "z"}]}, "x,z",
                     id="all entries"),
        pytest.param("a[0].b", {"a": []}, None, id="no first entry"),
        pytest.param("r[].d=White", {"r": [{"d": "uri://x.org/RaceDescriptor#White"}]}, "true",
                     id="one is the word"),
        pytest.param("r[].d=White", {"r": [{"d": "uri://x.org/RaceDescriptor#Asian"}]}, "false",
                     id="none is the word"),
        pytest.param("r[].d=White", {}, None, id="nobody says"),
        pytest.param("a", {"a": True}, "true", id="a truth"),
        pytest.param("a", {"a": 0.10}, "0.1", id="a number as it is written"),
        pytest.param("'contact'", {}, "contact", id="a word in quotes"),
        pytest.param(["'c'", "a"], {"a": 7}, "c:7", id="joined"),
        pytest.param(["'c'", "a"], {}, None, id="a part is missing"),
    ],
)  # fmt: skip
def test_a_path_leads_to_a_value(tmp_path, path, record, cell):
    own = path if isinstance(path, str) else tuple(path)
    (((_, cells),), unusable) = rows(tmp_path, [record], columns={"givenName": own})
    assert (cells, unusable) == ([cell], [])


def test_entries_of_a_list_are_rows_of_their_own(tmp_path):
    found, unusable = rows(
        tmp_path,
        [{"id": 1, "s": [{"n": "a"}, {"n": "b"}]}, {"id": 2}, {"id": 3, "s": [{"n": "c"}]}],
        columns={"sourcedId": ("id", "s[]#"), "givenName": "s[].n"},
        each="s[]",
    )
    assert found == [(1, ["1:1", "a"]), (2, ["1:2", "b"]), (3, ["3:1", "c"])]
    assert unusable == []


@pytest.mark.parametrize(
    ("record", "rule"),
    [
        pytest.param([1], (1, "not_an_object", None), id="a list"),
        pytest.param({"a": {"b": 1}}, (1, "not_a_value", "givenName"), id="an object as a value"),
        pytest.param({"a": "x", "g": ["1,2"]}, (1, "comma_in_list", "grades"),
                     id="a comma in a list"),
        pytest.param({"a": "x\0"}, (1, "not_text", "givenName"), id="a NUL"),
        pytest.param({"a": "\ud800"}, (1, "not_text", "givenName"), id="half a character"),
        pytest.param({"a": lists_in_lists(900)}, (1, "not_a_value", "givenName"),
                     id="lists in lists"),
        pytest.param({"a": "x", "kind": {"b": 1}}, (1, "not_a_value", None),
                     id="an object by which it might be left out"),
        pytest.param({"a": " Test one "}, (1, "left_out_by_profile", None), id="left out"),
        pytest.param({"a": "[x] all"}, (1, "left_out_by_profile", None), id="a sign as itself"),
    ],
)  # fmt: skip
def test_a_record_that_fits_no_row_is_told(tmp_path, record, rule):
    found, unusable = rows(
        tmp_path,
        [record, {"a": "Birch"}],
        columns={"givenName": "a", "grades": "g"},
        leave_out={"a": ("Test *", "[x]*"), "kind": ("test",)},
    )
    assert unusable == [rule]
    assert [(number, cells[0]) for number, cells in found] == [(2, "Birch")]


@pytest.mark.parametrize(
    ("told", "day"),
    [
        pytest.param("2026-09-01T23:30:00-05:00", "2026-09-01", id="a time is its day"),
        pytest.param("2026-09-01", "2026-09-01", id="a day"),
        pytest.param("2026-09-01Today", "2026-09-01Today", id="no time is not cut to one"),
    ],
)
def test_of_a_time_the_day_is_read_as_it_is_written(tmp_path, told, day):
    table = load_contracts()["roster"].tables["enrollments"]
    found, _ = rows(tmp_path, [{"b": told}], columns={"beginDate": "b"}, table=table)
    assert found == [(1, [day])]


def test_a_column_without_a_path_is_the_member_of_its_name(tmp_path):
    found, _ = rows(
        tmp_path,
        [{"x": [{"givenName": "Birch"}]}],
        columns={"familyName": "x[].f"},
        each="x[]",
        names_too=True,
        constants={"role": "student"},
    )
    names = [name for name in USERS.loaded if name != "role"]
    assert dict(zip(names, found[0][1], strict=True))["givenName"] == "Birch"


def test_a_wrong_path_is_a_wrong_setting():
    with pytest.raises(SettingsWrong, match="step 'b\\[1\\]'"):
        parse_path("a.b[1]")


# ------------------------------------------------------------------ what nobody reads


TOP = (Level(0, "", frozenset({"id"})),)


@pytest.mark.parametrize(
    ("record", "kept", "refused", "lost"),
    [
        pytest.param({"id": "1", "house": "Owls"}, {"house": "Owls"}, [], 0, id="a member"),
        pytest.param({"_ext": {"tpdm": {"bus": "7", "x": {}}}}, {"_ext.tpdm.bus": "7"}, [], 0,
                     id="an extension"),
        pytest.param({"clubs": [{"name": "Chess", "pwd": "x"}]}, {"clubs": [{"name": "Chess"}]},
                     [], 0, id="a list"),
        pytest.param({"a": {"password": "x"}}, {}, ["a.password"], 0, id="a secret"),
        pytest.param({"T-0001": "x", "2026-03-13": "x", "Owls 7": "x", "x" * 65: "y"}, {}, [], 4,
                     id="values for names"),
        pytest.param({"house": "a\0b", "half": "\ud800"}, {}, [], 2, id="no text"),
        pytest.param({"house": None, "clubs": []}, {}, [], 0, id="nothing in it"),
        pytest.param({"house": lists_in_lists(900), "bus": "7"}, {"bus": "7"}, [], 1,
                     id="lists in lists"),
    ],
)  # fmt: skip
def test_members_that_nobody_reads_are_kept_by_name(record, kept, refused, lost):
    extras = Extras()
    text = extras.of([(record, 1)], TOP)
    assert json.loads(text or "{}") == kept
    assert [*extras.kept] == [*kept]
    assert ([*extras.refused], extras.lost) == (refused, lost)


def test_names_of_which_there_are_too_many_are_none():
    extras = Extras()
    trees = [f"Tree{'x' * n}" for n in range(NAMES_MAX)]
    extras.of([(dict.fromkeys(trees, "1"), 1)], TOP)
    assert (extras.is_kept, extras.lost) == (True, 0)
    extras.of([({"Oak": "1"}, 1)], TOP)
    assert (extras.is_kept, extras.lost) == (False, NAMES_MAX + 1)
