"""What rules, steps and reviews say of a child, in a reader's language.

A release holds each sentence in English, with the rule or step whose text it is. The seed
`translations` holds that text in other languages, where it is filled with what stands in the
places of the sentence: no number is computed or rounded a second time. A sentence that its rule's
text did not make, as after a change of the rule, or that nobody translated, stays in English.
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from wraparound.publishing.words import DEFAULT_LANGUAGE, Words, words_in
from wraparound.warehouse.seed_files import seed_rows

SEED = "translations"
Row = Mapping[str, Any]
Reports = Mapping[str, Sequence[Row]]
Told = tuple[str, Row]

# The seeds with texts that a reader meets: the columns that name a text, and its own.
TEXTS: Mapping[str, tuple[tuple[str, ...], str]] = {
    "need_rules": (("rule_id", "concern_level"), "wording"),
    "indicators": (("indicator_id",), "context_wording"),
    "tier_rules": (("tier_rule_id",), "wording"),
    "next_steps": (("next_step_id",), "next_step"),
    "review_kinds": (("review_kind",), "wording"),
    "referral_states": (("referral_state",), "state_wording"),
    "service_categories": (("service_category",), "category_label"),
    "performance_levels": (("performance_level",), "level_label"),
}
# Texts that models put together, as their translations name them.
OVERDUE = "Overdue since {day}: {step}"
REVIEWED = "Reviewed: tier {tier}."
BEGUN = "{service} has begun."
CHANGED = "{service} {state}."
SOME_SERVICE, SOME_REFERRAL, FITTING_SERVICE = "A service", "The referral", "a fitting service"
COMPOSED = (OVERDUE, REVIEWED, BEGUN, CHANGED, SOME_SERVICE, SOME_REFERRAL, FITTING_SERVICE)

PLACE = re.compile(r"\{(\w+)\}")
# What may stand in a place: words in these, a number in any other.
WORDED = frozenset({"detail", "service"})
NUMBER = r"-?[\d.]+"


@dataclass(frozen=True)
class Sentences:
    """The texts of the seeds by where they stand, and each in one other language."""

    words: Words
    texts: Mapping[tuple[str, ...], str]
    translations: Mapping[str, str]

    @property
    def fingerprint(self) -> str:
        """The same for as long as all of it is."""
        said = json.dumps([[*map(list, self.texts.items())], self.translations], sort_keys=True)
        return hashlib.sha256(said.encode()).hexdigest()[:12]

    def say(self, text: str, **places: str) -> str:
        """Say an English text with its places filled in; as it is where nobody translated it."""
        told = self.translations.get(text, text)
        return PLACE.sub(lambda found: places[found[1]], told)

    def retold(self, sentence: str, *key: str) -> str:
        """Say a sentence that the text of `key` made; any other stays as it is."""
        text = self.texts.get(key)
        made = _pattern(text).fullmatch(sentence) if text in self.translations else None
        if text is None or made is None:
            return sentence
        places = made.groupdict()
        if "detail" in places:
            places["detail"] = self.listed(places["detail"])
        if "service" in places:
            places["service"] = self.translations.get(places["service"], places["service"])
        return self.say(text, **places)

    def listed(self, words: str) -> str:
        """Say a list of words, each that is known; a title or a name stays as it is."""
        if words in self.translations:
            return self.translations[words]
        return ", ".join(self.translations.get(word, word) for word in words.split(", "))


@lru_cache(maxsize=2**10)
def _pattern(text: str) -> re.Pattern[str]:
    """What a text makes, with a group for each of its places."""
    parts = PLACE.split(text)
    names, made = parts[1::2], ""
    for number, part in enumerate(parts):
        if number % 2 == 0:
            made += re.escape(part)
        elif part in names[: number // 2]:
            made += f"(?P={part})"
        else:
            made += f"(?P<{part}>{'.*' if part in WORDED else NUMBER})"
    return re.compile(made)


def read_sentences(seeds: Path, *, language: str) -> Sentences | None:
    """Read what a district's seeds say in a language; None in English, which needs no such.

    Raises:
        SettingsWrong: a seed is missing, or a column of it.
    """
    if language == DEFAULT_LANGUAGE:
        return None
    texts = {
        (name, *key): text
        for name, (columns, column) in TEXTS.items()
        for *key, text in seed_rows(f"{name}.csv", *columns, column, seeds=seeds)
        if text
    }
    return Sentences(words_in(language), texts, _translations(seeds, language=language))


def untranslated(seeds: Path, *, language: str) -> tuple[str, ...]:
    """The texts that a list in a language says in English all the same.

    A translation with other places than the text does not count.

    Raises:
        SettingsWrong: a seed is missing, or a column of it.
    """
    sentences = read_sentences(seeds, language=language)
    if sentences is None:
        return ()

    known = dict.fromkeys((*sentences.texts.values(), *COMPOSED))
    return tuple(text for text in known if text not in sentences.translations)


def _translations(seeds: Path, *, language: str) -> dict[str, str]:
    rows = seed_rows(f"{SEED}.csv", "language", "text", "translation", seeds=seeds)
    return {
        text: told
        for spoken, text, told in rows
        if spoken == language and told and {*PLACE.findall(told)} == {*PLACE.findall(text)}
    }


def translated(reports: Reports, sentences: Sentences) -> dict[str, list[Row]]:
    """Return the rows of a school's reports with their sentences in another language.

    `reports` maps `today`, `referral_queue`, `students`, `need_profiles` and `reviews_due` to
    rows of the release; any other comes back as it is.
    """
    profiles = [_profile(row, sentences) for row in reports["need_profiles"]]
    said = _said(reports["need_profiles"], profiles)
    queue = [_referral(row, sentences) for row in reports["referral_queue"]]
    needs = {row["need_id"]: row for row in queue}
    students = [
        _student(row, said.get(row["student_key"], ()), sentences) for row in reports["students"]
    ]
    today = [
        _item(row, needs, said.get(row["student_key"], ()), sentences) for row in reports["today"]
    ]
    reviews = [_review(row, sentences) for row in reports["reviews_due"]]
    return {name: list(rows) for name, rows in reports.items()} | {
        "need_profiles": profiles,
        "referral_queue": queue,
        "students": students,
        "today": today,
        "reviews_due": reviews,
    }


def _said(before: Sequence[Row], after: Sequence[Row]) -> dict[int, list[Told]]:
    """Each student's signals as they are said now, beside the sentence that the release holds."""
    said: dict[int, list[Told]] = {}
    for old, new in zip(before, after, strict=True):
        pairs = zip(old["evidence"] or (), new["evidence"], strict=True)
        said.setdefault(old["student_key"], []).extend(
            (item["wording"], told) for item, told in pairs if item.get("wording")
        )
    return said


def _profile(row: Row, sentences: Sentences) -> Row:
    return {**row, "evidence": [_signal(item, sentences) for item in row["evidence"] or ()]}


def _signal(item: Row, sentences: Sentences) -> Row:
    rule = (item.get("rule_id") or "", item.get("level") or "")
    key = ("indicators", rule[0]) if item.get("kind") == "context" else ("need_rules", *rule)
    return {**item, "wording": sentences.retold(item.get("wording") or "", *key)}


def _referral(row: Row, sentences: Sentences) -> Row:
    rule = (row["rule_id"], row["level"])
    step = row.get("next_step_id") or ""
    return {
        **row,
        "evidence": [_signal(item, sentences) for item in row["evidence"] or ()],
        "wording": sentences.retold(row["wording"], "need_rules", *rule),
        "next_step": sentences.retold(row["next_step"], "next_steps", step),
        "services": [_service(item, sentences) for item in row["services"] or ()],
    }


def _service(item: Row, sentences: Sentences) -> Row:
    names = ("category", "answers", "languages", "access", "area", "documents")
    said = {name: sentences.listed(item[name]) for name in names if item.get(name)}
    return {**item, **said}


def _student(row: Row, said: Sequence[Told], sentences: Sentences) -> Row:
    reasons = row["suggested_tier_reasons"] or ()
    known = dict(_reasons(said, sentences))
    return {
        **row,
        "home_language": row["home_language"] and sentences.listed(row["home_language"]),
        "strengths_summary": row["strengths_summary"] and _summary(row["strengths_summary"], said),
        "suggested_tier_reasons": [known.get(reason, reason) for reason in reasons],
    }


def _summary(summary: str, said: Sequence[Told]) -> str:
    """Say each sentence of a summary that is one of the student's own; any other stays."""
    for sentence, signal in said:
        summary = summary.replace(sentence, signal["wording"])
    return summary


def _reasons(said: Sequence[Told], sentences: Sentences) -> Iterator[tuple[str, str]]:
    """Pairs of a reason for a tier as the models put it together, and the same in words."""
    for (seed, *key), text in sentences.texts.items():
        if seed == "tier_rules":
            yield f"{text} ({key[0]})", f"{sentences.say(text)} ({key[0]})"
    for sentence, signal in said:
        rule, level = signal.get("rule_id"), signal.get("level")
        spoken = sentences.words.code("level", level)
        yield f"{sentence} ({rule}, {level})", f"{signal['wording']} ({rule}, {spoken})"


def _item(row: Row, needs: Mapping[str, Row], said: Sequence[Told], sentences: Sentences) -> Row:
    """Say a line of today; one without a code, as on an earlier list, is told as it stands, and so
    is one of what the list or the seeds do not know."""
    subject = row.get("item_subject") or ""
    match row.get("item_code"):
        case "need" if subject in needs:
            text = needs[subject]["wording"]
        case "overdue" if subject in needs:
            day = sentences.words.month_day(row["item_date"])
            text = sentences.say(OVERDUE, day=day, step=needs[subject]["next_step"])
        case "streak":
            text = _summary(row["item_text"], said)
        case "tier":
            text = sentences.say(REVIEWED, tier=subject)
        case "begun":
            text = sentences.say(BEGUN, service=subject or sentences.say(SOME_SERVICE))
        case str(state) if ("referral_states", state) in sentences.texts:
            told = sentences.say(sentences.texts["referral_states", state])
            service = subject or sentences.say(SOME_REFERRAL)
            text = sentences.say(CHANGED, service=service, state=told)
        case _:
            return row
    return {**row, "item_text": text}


def _review(row: Row, sentences: Sentences) -> Row:
    said = sentences.retold(row["next_step"], "review_kinds", row["review_kind"])
    return {**row, "next_step": said}
