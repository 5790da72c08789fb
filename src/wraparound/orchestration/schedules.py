"""When things happen by the clock. The district file says the time zone and the hour."""

from datetime import time
from typing import Any

from airflow.sdk import AssetOrTimeSchedule, CronTriggerTimetable

from wraparound.contracts.district import load_district
from wraparound.orchestration.assets import ARRIVALS
from wraparound.settings import load_settings

_district = load_district(load_settings().district_file)


def _daily(at: time) -> CronTriggerTimetable:
    return CronTriggerTimetable(f"{at.minute} {at.hour} * * *", timezone=_district.time_zone)


# Every quarter of an hour, whatever the time zone.
SWEEP: Any = CronTriggerTimetable("*/15 * * * *", timezone="UTC")

# Any arrival, or the sweep, which does the same work if an event was lost.
ARRIVALS_OR_SWEEP: Any = AssetOrTimeSchedule(timetable=SWEEP, assets=[ARRIVALS])

# Once a day at the district's publish hour, by the district's clock, summer and winter.
NIGHTLY: Any = _daily(_district.publish_hour)

# Ten minutes past every hour by the district's clock.
HOURLY: Any = CronTriggerTimetable("10 * * * *", timezone=_district.time_zone)

# When no school waits for a list: Sunday at three, by the district's clock.
WEEKLY: Any = CronTriggerTimetable("0 3 * * 0", timezone=_district.time_zone)
