"""The synthetic district: invented people, believable days, and flaws to plant."""

from wraparound.district.defects import DEFECTS
from wraparound.district.making import make_district
from wraparound.district.people import CANARIES, CANARY_WORDS, Canary
from wraparound.district.plan import FEEDS, DistrictPlan, DistrictReport, FileReport

__all__ = [
    "CANARIES",
    "CANARY_WORDS",
    "DEFECTS",
    "FEEDS",
    "Canary",
    "DistrictPlan",
    "DistrictReport",
    "FileReport",
    "make_district",
]
