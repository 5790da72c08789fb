"""The synthetic district: invented people, believable days, and flaws to plant."""

from wraparound.district.defects import DEFECTS
from wraparound.district.making import make_district
from wraparound.district.people import CANARIES, Canary
from wraparound.district.plan import FEEDS, DistrictPlan, DistrictReport, FileReport

__all__ = [
    "CANARIES",
    "DEFECTS",
    "FEEDS",
    "Canary",
    "DistrictPlan",
    "DistrictReport",
    "FileReport",
    "make_district",
]
