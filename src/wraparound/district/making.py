"""The one door: a plan in, a folder of delivered files out."""

from collections.abc import Callable
from pathlib import Path

from wraparound.district.daily_files import write_attendance, write_calendar, write_discipline
from wraparound.district.defects import check_defects, plant_defects
from wraparound.district.grades_files import write_grades
from wraparound.district.inquiry_files import write_inquiry_cycles
from wraparound.district.plan import DistrictPlan, DistrictReport, FileReport
from wraparound.district.providers_files import write_providers
from wraparound.district.record_files import (
    write_competencies,
    write_health,
    write_transcripts,
)
from wraparound.district.roster_files import write_roster
from wraparound.district.support_files import (
    write_consents,
    write_reviews,
    write_service_events,
    write_staff,
)
from wraparound.district.whole_child_files import (
    write_assessments,
    write_plans,
    write_programs,
    write_surveys,
)
from wraparound.district.world import World, make_world

WRITERS: dict[str, tuple[str, Callable[[World, Path], dict[str, int]]]] = {
    "roster": ("roster.zip", write_roster),
    "grades": ("grades.zip", write_grades),
    "calendar": ("calendar.csv", write_calendar),
    "attendance": ("attendance.csv", write_attendance),
    "discipline": ("discipline.zip", write_discipline),
    "providers": ("providers.zip", write_providers),
    "service_events": ("service_events.csv", write_service_events),
    "consents": ("consents.csv", write_consents),
    "reviews": ("reviews.zip", write_reviews),
    "staff": ("staff.csv", write_staff),
    "assessments": ("assessments.csv", write_assessments),
    "programs": ("programs.csv", write_programs),
    "plans": ("plans.csv", write_plans),
    "surveys": ("surveys.csv", write_surveys),
    "transcripts": ("transcripts.csv", write_transcripts),
    "competencies": ("competencies.csv", write_competencies),
    "health": ("health.csv", write_health),
    "inquiry_cycles": ("inquiry_cycles.csv", write_inquiry_cycles),
}


def make_district(plan: DistrictPlan, out_dir: Path) -> DistrictReport:
    """Write the feeds of a plan into a folder, which is made if it is not there.

    The same plan gives the same bytes. Raises ValueError for an unknown defect, a defect
    whose feed is not written, or a ``through`` before the first day of school; nothing is
    written then.
    """
    check_defects(plan)
    world = make_world(plan)
    out_dir.mkdir(parents=True, exist_ok=True)
    files = []
    for feed in plan.feeds:
        name, write = WRITERS[feed]
        files.append(FileReport(feed, name, write(world, out_dir / name)))
    files += plant_defects(plan, out_dir=out_dir)
    return DistrictReport(
        out_dir=out_dir,
        files=tuple(files),
        school_count=len(world.schools),
        student_count=len(world.arrived),
        instructional_day_count=world.cut,
        defects=plan.defects,
    )
