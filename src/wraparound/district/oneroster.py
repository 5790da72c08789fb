"""OneRoster 1.1 headers, and the manifest of a package."""

from collections.abc import Collection, Iterator

from wraparound.district.schools import DISTRICT_NAME
from wraparound.district.writing import Row

BASE = ("sourcedId", "status", "dateLastModified")
HEADERS: dict[str, tuple[str, ...]] = {
    "academicSessions": (*BASE, "title", "type", "startDate", "endDate", "parentSourcedId",
                         "schoolYear"),
    "orgs": (*BASE, "name", "type", "identifier", "parentSourcedId"),
    "courses": (*BASE, "schoolYearSourcedId", "title", "courseCode", "grades", "orgSourcedId",
                "subjects", "subjectCodes"),
    "classes": (*BASE, "title", "grades", "courseSourcedId", "classCode", "classType", "location",
                "schoolSourcedId", "termSourcedIds", "subjects", "subjectCodes", "periods"),
    "users": (*BASE, "enabledUser", "orgSourcedIds", "role", "username", "userIds", "givenName",
              "familyName", "middleName", "identifier", "email", "sms", "phone",
              "agentSourcedIds", "grades", "password"),
    "enrollments": (*BASE, "classSourcedId", "schoolSourcedId", "userSourcedId", "role",
                    "primary", "beginDate", "endDate"),
    "demographics": (*BASE, "birthDate", "sex", "americanIndianOrAlaskaNative", "asian",
                     "blackOrAfricanAmerican", "nativeHawaiianOrOtherPacificIslander", "white",
                     "demographicRaceTwoOrMoreRaces", "hispanicOrLatinoEthnicity",
                     "countryOfBirthCode", "stateOfBirthAbbreviation", "cityOfBirth",
                     "publicSchoolResidenceStatus", "metadata.homeLanguage"),
    "categories": (*BASE, "title"),
    "lineItems": (*BASE, "title", "description", "assignDate", "dueDate", "classSourcedId",
                  "categorySourcedId", "gradingPeriodSourcedId", "resultValueMin",
                  "resultValueMax"),
    "results": (*BASE, "lineItemSourcedId", "studentSourcedId", "scoreStatus", "score",
                "scoreDate", "comment"),
}  # fmt: skip
ALL_FILES = (
    "academicSessions", "categories", "classes", "classResources", "courses",
    "courseResources", "demographics", "enrollments", "lineItems", "orgs", "resources",
    "results", "users",
)  # fmt: skip
MANIFEST_HEADER = ("propertyName", "value")
MODIFIED = ("", "")


def manifest_rows(present: Collection[str]) -> Iterator[Row]:
    """The manifest of a bulk package that holds the named files."""
    yield ("manifest.version", "1.0")
    yield ("oneroster.version", "1.1")
    for name in ALL_FILES:
        yield (f"file.{name}", "bulk" if name in present else "absent")
    yield ("source.systemName", DISTRICT_NAME)
    yield ("source.systemCode", "synthetic")
