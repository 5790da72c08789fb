"""The school year: which days are held, which are not, and when that became known."""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

from wraparound.district.chance import draw

PLANNED_DAYS = 180
WEATHER_DAYS = 3

INSTRUCTIONAL = "Instructional day"
MAKE_UP = "Make-up day"
WEATHER = "Weather day"
HOLIDAY = "Holiday"
TEACHERS = "Teacher only day"
BREAK = "Non-instructional day"

DAY = timedelta(days=1)
MONDAY, WEDNESDAY, THURSDAY, SATURDAY = 0, 2, 3, 5


@dataclass(frozen=True)
class SchoolYear:
    """Instructional days in order, and everything around them.

    ``planned`` are the days of the printed calendar; ``days`` are those really held:
    planned less weather days, plus as many make-up days at the end. Everywhere else a
    day is its position in ``days``.
    """

    year: int
    planned: tuple[date, ...]
    closed: dict[date, str]
    weather: tuple[date, ...]
    make_up: tuple[date, ...]

    @cached_property
    def days(self) -> tuple[date, ...]:
        """The days really held, ascending."""
        return tuple(day for day in self.planned if day not in self.weather) + self.make_up

    @cached_property
    def words(self) -> tuple[str, ...]:
        """The same days as ISO text."""
        return tuple(day.isoformat() for day in self.days)

    @cached_property
    def season(self) -> tuple[float, ...]:
        """How much likelier than usual an absence is, by day."""
        return tuple(_season(day, position=i) for i, day in enumerate(self.days))

    def __len__(self) -> int:
        return len(self.days)

    def held_by(self, day: date) -> int:
        """How many instructional days lie on or before a date."""
        return bisect_right(self.days, day)

    def events(self, *, as_of: date) -> list[tuple[date, str]]:
        """(date, calendar event) as the office knew them on a date: no snow foreseen."""
        known = dict.fromkeys(self.planned, INSTRUCTIONAL) | self.closed
        fallen = [day for day in self.weather if day <= as_of]
        known |= dict.fromkeys(fallen, WEATHER)
        known |= dict.fromkeys(self.make_up[: len(fallen)], MAKE_UP)
        return sorted(known.items())


def make_school_year(year: int, *, seed: int) -> SchoolYear:
    """The school year that ends in ``year``: 180 days, breaks, weather days made up."""
    closed = _closures(year)
    first = _last_weekday(year - 1, month=8, weekday=WEDNESDAY)
    planned = _open_days(first, closed=closed, count=PLANNED_DAYS)
    winter = [d for d in planned if date(year, 1, 8) <= d <= date(year, 3, 10)]
    weather = tuple(sorted(draw(seed, year, "weather").sample(winter, WEATHER_DAYS)))
    make_up = _open_days(planned[-1] + DAY, closed=closed, count=WEATHER_DAYS)
    within = {day: word for day, word in closed.items() if first <= day <= make_up[-1]}
    return SchoolYear(year, planned, within, weather, make_up)


def _season(day: date, *, position: int) -> float:
    winter = 1.3 if day.month in (12, 1, 2) else 0.95
    week = {0: 1.1, 4: 1.2}.get(day.weekday(), 0.92)
    return winter * week * (0.75 if position < 15 else 1.0)


def _open_days(first: date, *, closed: dict[date, str], count: int) -> tuple[date, ...]:
    days: list[date] = []
    day = first
    while len(days) < count:
        if day.weekday() < SATURDAY and day not in closed:
            days.append(day)
        day += DAY
    return tuple(days)


def _closures(year: int) -> dict[date, str]:
    fall = year - 1
    thanksgiving = _nth_weekday(fall, month=11, weekday=THURSDAY, nth=4)
    spring = _nth_weekday(year, month=4, weekday=MONDAY, nth=2)
    closed = {
        _nth_weekday(fall, month=9, weekday=MONDAY, nth=1): HOLIDAY,
        _nth_weekday(fall, month=10, weekday=MONDAY, nth=2): HOLIDAY,
        _nth_weekday(fall, month=11, weekday=MONDAY, nth=1) + DAY: TEACHERS,
        date(fall, 11, 11): HOLIDAY,
        thanksgiving: HOLIDAY,
        thanksgiving + DAY: HOLIDAY,
        _nth_weekday(year, month=1, weekday=MONDAY, nth=3): HOLIDAY,
        _nth_weekday(year, month=2, weekday=MONDAY, nth=3): HOLIDAY,
        _nth_weekday(year, month=3, weekday=4, nth=2): TEACHERS,
        _last_weekday(year, month=5, weekday=MONDAY): HOLIDAY,
        date(year, 6, 19): HOLIDAY,
    }
    breaks = [date(fall, 12, 24) + DAY * i for i in range(10)] + [
        spring + DAY * i for i in range(5)
    ]
    closed = dict.fromkeys(breaks, BREAK) | closed
    closed |= {date(fall, 12, 25): HOLIDAY, date(year, 1, 1): HOLIDAY}
    return {day: word for day, word in closed.items() if day.weekday() < SATURDAY}


def _nth_weekday(year: int, *, month: int, weekday: int, nth: int) -> date:
    first = date(year, month, 1)
    return first + DAY * ((weekday - first.weekday()) % 7 + 7 * (nth - 1))


def _last_weekday(year: int, *, month: int, weekday: int) -> date:
    last = date(year, month + 1, 1) - DAY
    return last - DAY * ((last.weekday() - weekday) % 7)
