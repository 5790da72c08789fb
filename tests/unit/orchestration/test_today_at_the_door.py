"""The day on which a night, a packet or a purge begins is the district's own."""

from wraparound.orchestration.nights import today_at_the_door
from wraparound.settings import Settings


def today_in(zone, folder):
    file = folder / f"{zone.replace('/', '-')}.yml"
    file.write_text(f"name: Test District\ntime_zone: {zone}\n", encoding="utf-8")
    return today_at_the_door(Settings(project_root=folder, home=folder, district_file=file))


def test_the_day_is_the_one_of_the_districts_clock(tmp_path):
    # Twenty-five hours apart: whatever the machine's clock says, it is never the same day.
    west, east = today_in("Pacific/Pago_Pago", tmp_path), today_in("Pacific/Kiritimati", tmp_path)
    assert west < east
