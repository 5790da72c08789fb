"""The day on which a night or a packet begins, and the school year, are the district's own."""

from datetime import date

from wraparound.orchestration.dbt import night_environment
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


def test_a_build_is_told_where_the_districts_school_years_begin(tmp_path):
    file = tmp_path / "district.yml"
    file.write_text('name: Test District\ntime_zone: UTC\nschool_year_starts: "08-15"\n')
    settings = Settings(project_root=tmp_path, home=tmp_path, district_file=file)
    told = night_environment(settings, as_of=date(2026, 8, 20), previous_as_of=None)
    assert told["WRAPAROUND_SCHOOL_YEAR_STARTS"] == "08-15"
