"""The same page in two languages, held beside each other: what is left in the first."""

import csv
import re
from html.parser import HTMLParser
from pathlib import Path

from wraparound.publishing.sentences import PLACE

# Words that are spelt alike in both.
SPELT_ALIKE = frozenset({"dental", "individual", "plan", "social"})
READ_ALOUD = ("aria-label", "alt", "title")
PLACES = {
    "numerator": "3",
    "denominator": "10",
    "present": "7",
    "magnitude": "4",
    "percent": "12.5",
    "detail": "reading, study habits",
}


class _Texts(HTMLParser):
    """Every text that a person reads or hears, in order."""

    def __init__(self):
        super().__init__()
        self.texts, self.hidden = [], False

    def handle_starttag(self, tag, attrs):
        self.hidden = tag == "style"
        self.texts += [value for name, value in attrs if name in READ_ALOUD]

    def handle_endtag(self, tag):
        self.hidden = False

    def handle_data(self, data):
        if not self.hidden and data.strip():
            self.texts.append(data.strip())


def texts_of(page):
    """The texts of a page, one after the other."""
    reader = _Texts()
    reader.feed(page)
    return reader.texts


def words_left(page, other, *, names):
    """Pairs (word, text) of `other` whose word stands in the same text of `page` too.

    Words of `names`, numbers, codes and words of one to three letters are nobody's language.
    """
    first, second = texts_of(page), texts_of(other)
    assert len(first) == len(second)
    known = {word for name in names for word in _words(name)} | SPELT_ALIKE
    return [
        (word, told)
        for text, told in zip(first, second, strict=True)
        for word in sorted((_words(text) & _words(told)) - known)
    ]


def _words(text):
    """The words of a text, folded; a code such as AT-01, T-00001 or v2 is none."""
    plain = re.sub(r"\b[\w-]*\d[\w-]*\b|\b[A-Z]{2}-[A-Z]{2}\b", " ", text)
    return {word.casefold() for word in re.findall(r"[^\W\d_]{4,}", plain)}


def seed(folder: Path, name):
    """The rows of a seed."""
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines))


def told(text, **changes):
    """A text of a seed with its places filled in."""
    return PLACE.sub(lambda found: (PLACES | changes)[found[1]], text)
