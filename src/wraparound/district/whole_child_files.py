"""assessments.csv, programs.csv, plans.csv and surveys.csv."""

from collections.abc import Iterator
from pathlib import Path

from wraparound.district.people import Student
from wraparound.district.staff_story import assignments
from wraparound.district.whole_child_story import (
    Program,
    assessment_story,
    plan_story,
    program_story,
    survey_story,
)
from wraparound.district.world import World
from wraparound.district.writing import Row, write_csv

ASSESSMENTS_HEADER = (
    "studentAssessmentIdentifier", "assessmentIdentifier", "title", "academicSubject",
    "studentUniqueId", "administrationDate", "scoreResult", "performanceLevelDescriptor",
    "assessmentReportingMethod",
)  # fmt: skip
PROGRAMS_HEADER = (
    "studentUniqueId", "programName", "programTypeDescriptor", "beginDate", "endDate",
    "englishLearnerParticipation", "ideaEligibility", "iepReviewDate", "section504Eligibility",
    "homelessPrimaryNighttimeResidenceDescriptor", "homelessUnaccompaniedYouth",
    "directCertification", "schoolFoodServiceProgramServiceDescriptor",
)  # fmt: skip
PLANS_HEADER = ("plan_id", "student_id", "plan_year", "caring_adult_staff_id", "parts_done")
SURVEYS_HEADER = ("survey_id", "student_id", "scale", "score", "administered_on")


def write_assessments(world: World, path: Path) -> dict[str, int]:
    """Results of the tests taken by now."""
    return {path.name: write_csv(path, header=ASSESSMENTS_HEADER, rows=_assessment_rows(world))}


def write_programs(world: World, path: Path) -> dict[str, int]:
    """Who takes part in which program by now."""
    rows = (
        _program_row(world, student=student, program=program)
        for student in world.arrived
        for program in program_story(world, student=student)
        if world.happened(program.first)
    )
    return {path.name: write_csv(path, header=PROGRAMS_HEADER, rows=rows)}


def write_plans(world: World, path: Path) -> dict[str, int]:
    """The success plans begun by now."""
    return {path.name: write_csv(path, header=PLANS_HEADER, rows=_plan_rows(world))}


def write_surveys(world: World, path: Path) -> dict[str, int]:
    """What children said of themselves by now, summed to scales."""
    rows = (
        (told.survey_id, student.sourced_id, told.scale, told.score, world.year.words[told.day])
        for student in world.arrived
        for told in survey_story(world, student=student)
        if world.happened(told.day)
    )
    return {path.name: write_csv(path, header=SURVEYS_HEADER, rows=rows)}


def _assessment_rows(world: World) -> Iterator[Row]:
    for student in world.arrived:
        for result in assessment_story(world, student=student):
            if world.happened(result.day):
                yield (
                    result.sourced_id, result.assessment_id, result.title, result.subject,
                    student.sourced_id, world.year.words[result.day], result.score, result.level,
                    "Scale score",
                )  # fmt: skip


def _program_row(world: World, *, student: Student, program: Program) -> Row:
    def flag(kind: str) -> str:
        return "true" if program.kind.startswith(kind) else ""

    homeless = "false" if program.night else ""
    certified = ("true" if program.meals == "Free Lunch" else "false") if program.meals else ""
    return (
        student.sourced_id, program.name, program.kind, world.year.words[program.first], "",
        flag("English"), flag("Special"), "", flag("Section 504"), program.night, homeless,
        certified, program.meals,
    )  # fmt: skip


def _plan_rows(world: World) -> Iterator[Row]:
    staff = assignments(world)
    for student in world.arrived:
        plan = plan_story(world, student=student, staff=staff)
        if plan is not None and world.happened(plan.day):
            yield (
                plan.sourced_id, student.sourced_id, world.plan.school_year, plan.adult_id,
                ",".join(plan.parts),
            )  # fmt: skip
