"""Who works where, from when to when."""

from dataclasses import dataclass

from wraparound.district.chance import draw
from wraparound.district.classes import adult_names
from wraparound.district.world import World

COORDINATOR, PRINCIPAL = "site_coordinator", "principal"
# On this day the first school's coordinator moves to the second school.
MOVING_DAY = 30


@dataclass(frozen=True, slots=True)
class Assignment:
    """One person in one role at one school, half-open days."""

    staff_id: str
    school: int
    role: str
    given_name: str
    family_name: str
    first: int
    last: int


def assignments(world: World) -> list[Assignment]:
    """A coordinator and a principal for each school, and one change of coordinators."""
    found = [
        _assignment(world, number=school.index + 1, school=school.index)
        for school in world.schools
    ]
    found = _moved(world, coordinators=found)
    found += [
        _assignment(world, number=len(world.schools) + 2 + school.index, school=school.index,
                    role=PRINCIPAL)
        for school in world.schools
    ]  # fmt: skip
    return found


def coordinator_on(people: list[Assignment], *, school: int, day: int) -> str:
    """The staff id of a school's coordinator on a day."""
    return next(
        person.staff_id
        for person in people
        if person.role == COORDINATOR
        and person.school == school
        and person.first <= day < person.last
    )


def _moved(world: World, *, coordinators: list[Assignment]) -> list[Assignment]:
    first = coordinators[0]
    newcomer = _assignment(world, number=len(world.schools) + 1, school=0)
    changed = [_during(first, 0, MOVING_DAY), _during(newcomer, MOVING_DAY, first.last)]
    if len(coordinators) == 1:
        return changed
    second = coordinators[1]
    arrived = Assignment(
        first.staff_id, 1, COORDINATOR, first.given_name, first.family_name, MOVING_DAY, first.last
    )
    return [*changed, _during(second, 0, MOVING_DAY), arrived, *coordinators[2:]]


def _during(person: Assignment, first: int, last: int) -> Assignment:
    return Assignment(
        person.staff_id,
        person.school,
        person.role,
        person.given_name,
        person.family_name,
        first,
        last,
    )


def _assignment(world: World, *, number: int, school: int, role: str = COORDINATOR) -> Assignment:
    names = adult_names(draw(world.plan.seed, "staff", number))
    return Assignment(f"stf-{number:04d}", school, role, *names, 0, len(world.year))
