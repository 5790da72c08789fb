"""CSV as bytes: what is noticed while they go by, and the slow reading of odd files."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from wraparound.errors import ContractBroken
from wraparound.landing.csv_source import CsvSource, OddQuotes, Seen, _end_of_record
from wraparound.landing.opening import Member

# Text of a cell: no NUL, no lone surrogate; all that COPY and Python may disagree on.
CELLS = st.text(
    alphabet=st.one_of(st.sampled_from('",;\n\r \\.ab=é🌲'), st.characters(codec="utf-8")),
    max_size=12,
).filter(lambda text: "\0" not in text)
ROWS = st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=8)
modest = hypothesis_settings(max_examples=60, deadline=None, database=None)


def written(rows, *, newline="\n"):
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator=newline, quoting=csv.QUOTE_ALL)
    writer.writerow(["a", "b", "c"])
    writer.writerows(rows)
    return text.getvalue().encode()


def a_source(folder, content, **words):
    path = folder / "file.csv"
    path.write_bytes(content)
    return CsvSource(Member("file.csv", len(content), path, zipped=False), **words)


@modest
@given(rows=ROWS, newline=st.sampled_from(["\n", "\r\n"]))
def test_every_record_comes_back_as_it_was_written(tmp_path_factory, rows, newline):
    source = a_source(tmp_path_factory.mktemp("csv"), written(rows, newline=newline))
    assert source.header() == ["a", "b", "c"]
    assert [cells for _, cells in source.records()] == rows


def test_lines_that_end_in_a_return_alone_are_lines(tmp_path):
    source = a_source(tmp_path, b'\xef\xbb\xbfa\tb\r1\t"2\r"\r3\t4\r', delimiter="\t")
    assert source.header() == ["a", "b"]
    assert list(source.records()) == [(2, ["1", "2\n"]), (3, ["3", "4"])]
    with source.blocks() as blocks:
        assert b"".join(blocks) == b'1\t"2\n"\n3\t4\n'


@modest
@given(rows=ROWS)
def test_a_well_formed_file_has_no_odd_quotes(tmp_path_factory, rows):
    source = a_source(tmp_path_factory.mktemp("csv"), written(rows))
    seen = Seen()
    with source.blocks() as blocks:
        for block in blocks:
            if b"\n\\." in block:
                return
            seen.look(block)
    assert seen.has_line_breaks(len(rows)) == any("\n" in cell for row in rows for cell in row)


@modest
@given(rows=ROWS, cut=st.integers(1, 40))
def test_where_blocks_end_does_not_matter(rows, cut):
    content = written(rows).split(b"\n", 1)[1]
    whole, pieces = Seen(), Seen()
    try:
        whole.look(content)
        for start in range(0, len(content), cut):
            pieces.look(content[start : start + cut])
    except OddQuotes:
        return
    assert pieces.has_control == whole.has_control
    assert pieces.has_padding == whole.has_padding
    assert pieces.newlines == whole.newlines


@pytest.mark.parametrize("line", [b'a,5"x,c\n', b'a,"b"c",d\n', b'O"Neil\n', b"a\n\\.\n"])
def test_what_copy_would_misread_is_noticed(line):
    with pytest.raises(OddQuotes):
        Seen().look(line)


@pytest.mark.parametrize(
    ("content", "padded"),
    [
        (b"a,b\n", False),
        (b"a b,c d\n", False),
        (b" a,b\n", True),
        (b"a ,b\n", True),
        (b"a, b\n", True),
        (b"a,b \n", True),
        (b"a,b \r\n", True),
        (b"a\n b\n", True),
        (b'a," b"\n', True),
        (b'"",b\n', True),
    ],
)
def test_padding_is_noticed(content, padded):
    seen = Seen()
    seen.look(content)
    assert seen.has_padding == padded


def test_padding_of_the_very_last_cell_is_noticed():
    seen = Seen()
    seen.look(b"a,b ")
    assert seen.ends_with_space


class Looked(bytes):
    """Bytes that know how many of them were looked through for quotes."""

    looked = 0

    def count(self, sign, start, end):
        self.looked += end - start
        return super().count(sign, start, end)


def test_a_header_whose_quote_never_ends_is_looked_through_once():
    read = Looked(b'"' + b"\n" * 1000)
    assert _end_of_record(read) is None
    assert read.looked <= len(read)


HEADERS = {
    "empty": (b"", "is empty"),
    "only blanks": (b"\n\n", "is empty"),
    "blank first line": (b"\na,b\n", "no header"),
    "only commas": (b",,\n", "no header"),
    "no end": (b"a" * (2 << 20), "no end of line"),
    "a header of two kinds of line ends": (b"a,b\rc,d\n1,2\n", "LF or CRLF"),
}


@pytest.mark.parametrize("case", sorted(HEADERS))
def test_a_header_that_is_none_is_refused(tmp_path, case):
    content, words = HEADERS[case]
    with pytest.raises(ContractBroken, match=words):
        a_source(tmp_path, content).header()


def test_a_header_may_have_a_mark_quotes_and_line_breaks(tmp_path):
    source = a_source(tmp_path, b'\xef\xbb\xbf"a","b\nb" , c\r\n1,2,3\r\n')
    assert source.header() == ["a", "b\nb", "c"]
    with source.blocks() as blocks:
        assert b"".join(blocks) == b"1,2,3\r\n"


def test_a_field_may_be_longer_than_the_library_likes(tmp_path):
    csv.field_size_limit(1 << 17)
    (record,) = a_source(tmp_path, b"a,b\n1," + b"x" * (1 << 18)).records()
    assert record == (2, ["1", "x" * (1 << 18)])


def test_a_quote_that_is_never_closed_is_refused_with_its_row(tmp_path):
    with pytest.raises(ContractBroken, match="row 3"):
        list(a_source(tmp_path, b'a,b\n1,2\n3,"4\n5,6\n').records())


@pytest.mark.parametrize(
    ("content", "encoding", "place"),
    [
        (b"abc", "utf-8", None),
        ("né".encode("cp1252"), "utf-8", 1),
        (b"a\0b", "utf-8", 1),
        (b"ab\xe2\x82", "utf-8", 2),
        (b"a\x81", "cp1252", 1),
    ],
)
def test_the_first_bad_byte_is_found(tmp_path, content, encoding, place):
    assert a_source(tmp_path, content, encoding=encoding).first_bad_byte() == place
