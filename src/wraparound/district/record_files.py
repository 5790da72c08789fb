"""transcripts.csv, competencies.csv and health.csv."""

from collections.abc import Iterator
from pathlib import Path

from wraparound.district.record_story import (
    competency_story,
    health_story,
    transcript_story,
)
from wraparound.district.schools import GRADES
from wraparound.district.world import World
from wraparound.district.writing import Row, write_csv

TRANSCRIPTS_HEADER = (
    "studentUniqueId", "schoolYear", "termDescriptor", "courseCode", "courseTitle",
    "academicSubjectDescriptor", "courseAttemptResultDescriptor", "attemptedCredits",
    "earnedCredits", "finalLetterGradeEarned", "whenTakenGradeLevelDescriptor",
)  # fmt: skip
COMPETENCIES_HEADER = ("student_id", "competency_id", "academic_subject", "level", "assessed_on")
HEALTH_HEADER = ("student_id", "record_kind", "outcome", "recorded_on")


def write_transcripts(world: World, path: Path) -> dict[str, int]:
    """Finished courses of high school, of all years."""
    return {path.name: write_csv(path, header=TRANSCRIPTS_HEADER, rows=_transcript_rows(world))}


def write_competencies(world: World, path: Path) -> dict[str, int]:
    """Competencies judged by now."""
    rows = (
        (student.sourced_id, told.competency, "", told.level, world.year.words[told.day])
        for student in world.arrived
        for told in competency_story(world, student=student)
        if world.happened(told.day)
    )
    return {path.name: write_csv(path, header=COMPETENCIES_HEADER, rows=rows)}


def write_health(world: World, path: Path) -> dict[str, int]:
    """The school nurse's records by now."""
    rows = (
        (student.sourced_id, record.kind, record.outcome, world.year.words[record.day])
        for student in world.arrived
        for record in health_story(world, student=student)
        if world.happened(record.day)
    )
    return {path.name: write_csv(path, header=HEALTH_HEADER, rows=rows)}


def _transcript_rows(world: World) -> Iterator[Row]:
    for student in world.arrived:
        for attempt in transcript_story(world, student=student):
            is_passed = attempt.letter != "F"
            yield (
                student.sourced_id, attempt.school_year, attempt.term, attempt.code,
                attempt.title, attempt.subject, "Pass" if is_passed else "Fail",
                attempt.credits, attempt.credits if is_passed else 0, attempt.letter,
                GRADES[attempt.grade],
            )  # fmt: skip
