"""When things happen by the clock. The district file says the time zone and the hour."""

from datetime import timedelta
from typing import Any

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable

from wraparound.contracts.district import load_district
from wraparound.orchestration.assets import ARRIVALS
from wraparound.settings import load_settings

_district = load_district(load_settings().district_file)


def _by_the_clock(cron: str) -> CronTriggerTimetable:
    """Times by the district's clock; none that passed before the first start, when nothing had
    come yet, and which Airflow would make up for by default."""
    return CronTriggerTimetable(cron, timezone=_district.time_zone, run_immediately=timedelta())


# Every quarter of an hour, whatever the time zone.
SWEEP: Any = CronTriggerTimetable("*/15 * * * *", timezone="UTC")

# Any arrival, or the sweep, which does the same work if an event was lost.
ARRIVALS_OR_SWEEP: Any = AssetOrTimeSchedule(timetable=SWEEP, assets=[ARRIVALS])

# Once a day at the district's publish hour, by the district's clock, summer and winter.
NIGHTLY: Any = _by_the_clock(f"{_district.publish_hour:%-M %-H} * * *")

# Ten minutes past every hour by the district's clock.
HOURLY: Any = _by_the_clock("10 * * * *")

# When no school waits for a list: Sunday at three, by the district's clock.
WEEKLY: Any = _by_the_clock("0 3 * * 0")

# What may start a pipeline that a clock wakes. No backfill: a night speaks of the day of now, so
# one of days that passed would show that of today again; a past day is named under "As of".
NO_BACKFILL = ("scheduled", "asset_triggered", "manual")
