"""calendar.csv, attendance.csv and discipline.zip: what the days brought."""

from collections.abc import Iterator
from pathlib import Path

from wraparound.district.attendance_story import TARDY, AttendanceEvent, Mark, attendance_story
from wraparound.district.discipline_story import Incident, discipline_story
from wraparound.district.world import World
from wraparound.district.writing import Row, ZipFolder, write_csv

CALENDAR_HEADER = ("schoolId", "date", "calendarEventDescriptor")
ATTENDANCE_HEADER = (
    "studentUniqueId",
    "schoolId",
    "eventDate",
    "attendanceEventCategoryDescriptor",
    "attendanceEventReason",
    "eventDuration",
)
INCIDENTS_HEADER = ("incidentIdentifier", "schoolId", "incidentDate", "incidentLocation")
BEHAVIORS_HEADER = (
    "incidentIdentifier",
    "schoolId",
    "studentUniqueId",
    "behaviorDescriptor",
    "disciplineIncidentParticipationCodeDescriptor",
)
ACTIONS_HEADER = (
    "disciplineActionIdentifier",
    "studentUniqueId",
    "disciplineDate",
    "disciplineDescriptor",
    "responsibilitySchoolId",
    "incidentIdentifier",
    "actualDisciplineActionLength",
)


def write_calendar(world: World, path: Path) -> dict[str, int]:
    """The whole school year of every school, as known on ``through``."""
    events = world.year.events(as_of=world.plan.through)
    rows = (
        (school.sourced_id, day.isoformat(), word)
        for school in world.schools
        for day, word in events
    )
    return {path.name: write_csv(path, header=CALENDAR_HEADER, rows=rows)}


def write_attendance(world: World, path: Path) -> dict[str, int]:
    """Absences, late arrivals and parts of days; days at school leave no row."""
    rows = _attendance_rows(world)
    return {path.name: write_csv(path, header=ATTENDANCE_HEADER, rows=rows)}


def write_discipline(world: World, path: Path) -> dict[str, int]:
    """Incidents, who took part, and what the school did."""
    known = [
        incident
        for student in world.students
        for incident in discipline_story(world, student=student)
        if world.happened(incident.day)
    ]
    told = [incident for incident in known if _is_told(world, incident=incident)]
    tables = {
        "disciplineIncidents.csv": (INCIDENTS_HEADER, _incident_rows(world, told)),
        "studentDisciplineIncidentBehaviorAssociations.csv": (
            BEHAVIORS_HEADER,
            _behavior_rows(world, told),
        ),
        "disciplineActions.csv": (ACTIONS_HEADER, _action_rows(world, told)),
    }
    with ZipFolder(path) as folder:
        return {
            name: folder.add_csv(name, header=header, rows=rows)
            for name, (header, rows) in tables.items()
        }


def _attendance_rows(world: World) -> Iterator[Row]:
    spoken: set[tuple[int, int]] = set()
    for student in world.students:
        for event in attendance_story(world, student=student):
            if not world.happened(event.day):
                break
            spoken.add((event.school, event.day))
            if world.is_news(event.day) or world.is_news(event.corrected_on):
                yield _attendance_row(world, student_id=student.sourced_id, event=event)
    yield from _marker_rows(world, spoken=spoken)


def _attendance_row(world: World, *, student_id: str, event: AttendanceEvent) -> Row:
    mark = event.mark
    if event.corrected and world.happened(event.corrected_on):
        mark = event.corrected
    school = world.schools[event.school].sourced_id
    return (student_id, school, world.year.words[event.day], *mark)


def _marker_rows(world: World, *, spoken: set[tuple[int, int]]) -> Iterator[Row]:
    """A late child where a school had nothing to write: silence would read as not sent."""
    late = Mark(TARDY, "", "")
    for school in range(len(world.schools)):
        for day in range(world.known_before, world.cut):
            if (school, day) in spoken:
                continue
            here = [s for s in world.members.get(school, ()) if s.school_on(day) == school]
            if here:
                chosen = world.chance("marker", school, day).choice(here)
                event = AttendanceEvent(day, school, late)
                yield _attendance_row(world, student_id=chosen.sourced_id, event=event)


def _is_told(world: World, *, incident: Incident) -> bool:
    """New, or its action is new or corrected: then the incident comes along, unchanged."""
    action = incident.action
    return any(world.is_news(day) for day in (incident.day, action.day, action.corrected_on))


def _incident_rows(world: World, incidents: list[Incident]) -> Iterator[Row]:
    for incident in incidents:
        school = world.schools[incident.school].sourced_id
        yield (incident.sourced_id, school, world.year.words[incident.day], incident.location)


def _behavior_rows(world: World, incidents: list[Incident]) -> Iterator[Row]:
    for incident in incidents:
        school = world.schools[incident.school].sourced_id
        people = [(incident.student_id, "Perpetrator")]
        people += [incident.bystander] if incident.bystander else []
        for student_id, part in people:
            yield (incident.sourced_id, school, student_id, incident.behavior, part)


def _action_rows(world: World, incidents: list[Incident]) -> Iterator[Row]:
    for incident in incidents:
        action = incident.action
        if not world.happened(action.day):
            continue
        is_corrected = action.corrected_on >= 0 and world.happened(action.corrected_on)
        length = action.corrected_length if is_corrected else action.length
        yield (
            action.sourced_id, incident.student_id, world.year.words[action.day], action.outcome,
            world.schools[incident.school].sourced_id, incident.sourced_id, length or "",
        )  # fmt: skip
