"""Schools, their grades, and the grades' names."""

from dataclasses import dataclass

from wraparound.district.names import school_name

DISTRICT_ID = "dst-01"
DISTRICT_NAME = "Wraparound Synthetic District"
GRADES = ("KG", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12")
LOWER = range(9)
UPPER = range(9, 13)
UPPER_SHARE = len(UPPER) / len(GRADES)
# Small districts have no high school; large ones one to every four lower schools.
SCHOOLS_PER_HIGH_SCHOOL = 5
SCHOOLS_BEFORE_HIGH_SCHOOL = 4


@dataclass(frozen=True)
class School:
    """One school; ``index`` is its position in the district."""

    index: int
    name: str
    is_high: bool

    @property
    def sourced_id(self) -> str:
        """The id in every feed."""
        return f"sch-{self.index + 1:02d}"

    @property
    def identifier(self) -> str:
        """A number of the state's, which is not the id."""
        return f"{6400 + 11 * (self.index + 1)}"


def make_schools(count: int) -> tuple[School, ...]:
    """Schools of grades K to 8, and high schools at the end from four schools on."""
    high = max(1, count // SCHOOLS_PER_HIGH_SCHOOL) if count >= SCHOOLS_BEFORE_HIGH_SCHOOL else 0
    return tuple(
        School(i, school_name(i, is_high=i >= count - high), i >= count - high)
        for i in range(count)
    )


def lower_schools(schools: tuple[School, ...]) -> list[int]:
    """Positions of the K-8 schools."""
    return [school.index for school in schools if not school.is_high]


def high_schools(schools: tuple[School, ...]) -> list[int]:
    """Positions of the high schools."""
    return [school.index for school in schools if school.is_high]
