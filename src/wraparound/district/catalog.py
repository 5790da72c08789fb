"""Who offers what: invented providers and their services."""

from dataclasses import dataclass
from uuid import NAMESPACE_URL, uuid5

DOMAINS = ("academics", "social_emotional_behavioral", "health", "family")
GRADE_BANDS = {"KG-02": (5, 8), "03-05": (8, 11), "06-08": (11, 14), "09-12": (14, 18)}
ACADEMICS, SOCIAL, HEALTH, HOME = DOMAINS
# Published City Connects kinds of service, from enrichment to intensive.
CATEGORIES = (
    "after_school", "sports", "arts", "summer", "wellness", "mentoring", "tutoring",
    "social_skills", "family_assistance", "attendance_outreach", "counseling", "health",
    "screening", "violence_intervention",
)  # fmt: skip
# The ids under which coordinators write down what a referral answers.
RULES = {
    ACADEMICS: ("AT-01", "GR-01", "RV-AC"),
    SOCIAL: ("SB-01", "RV-SE"),
    HEALTH: ("RV-HE",),
    HOME: ("RV-FA",),
}
NEEDS_DOCUMENT = ("counseling", "violence_intervention")


@dataclass(frozen=True)
class Provider:
    """An organization; ``key`` is what its UUID is made of."""

    key: str
    name: str
    description: str
    languages: tuple[str, ...] = ("English",)

    @property
    def id(self) -> str:
        """The HSDS id."""
        return stable_uuid("organization", self.key)


@dataclass(frozen=True)
class Service:
    """One service: whom it suits, when it is held, how many places it has (0: unknown)."""

    key: str
    provider: str
    name: str
    domain: str
    category: str
    ages: tuple[int, int]
    needs: tuple[str, ...]
    byday: str
    hours: tuple[str, str]
    places: int
    delivered_by: str = "community_provider"
    status: str = "active"
    is_stale: bool = False
    at_schools: bool = False

    @property
    def id(self) -> str:
        """The HSDS id."""
        return stable_uuid("service", self.key)

    @property
    def bands(self) -> tuple[str, ...]:
        """The grade bands whose ages the service takes."""
        low, high = self.ages
        return tuple(
            band
            for band, (first, last) in GRADE_BANDS.items()
            if low <= first + 1 and last <= high
        )


def stable_uuid(*parts: str) -> str:
    """The same UUID for the same words, in every district and every year."""
    return str(uuid5(NAMESPACE_URL, "wraparound-district:" + ":".join(parts)))


PROVIDERS = (
    Provider("grove", "Grove Family Network", "School-based coordination of support.",
             ("English", "Spanish")),
    Provider("heron", "Heron House Neighborhood Center", "After-school and family programs.",
             ("English", "Spanish")),
    Provider("kestrel", "Kestrel Youth Mentors", "One mentor, one child, one year."),
    Provider("larkspur", "Larkspur Community Health", "Medical, dental and vision care.",
             ("English", "Spanish")),
    Provider("linden", "Linden Counseling Collaborative", "Counseling in school and at home.",
             ("English", "Spanish")),
    Provider("marigold", "Marigold Arts Studio", "Music, theatre and visual arts."),
    Provider("osprey", "Osprey Athletic League", "Sports for every child."),
    Provider("quince", "Quince Street Food Pantry", "Groceries and weekend backpacks.",
             ("English", "Spanish")),
    Provider("reedbed", "Reedbed Library Friends", "Tutoring and homework help."),
    Provider("tansy", "Tansy Housing Help", "Rent, shelter and utilities.",
             ("English", "Spanish")),
)  # fmt: skip

SERVICES = (
    Service("tutoring-early", "reedbed", "Early Readers Tutoring", ACADEMICS, "tutoring", (5, 11),
            ("reading",), "MO,WE", ("15:15", "16:30"), 30),
    Service("tutoring-math", "reedbed", "Math Circle", ACADEMICS, "tutoring", (8, 18),
            ("mathematics",), "TU,TH", ("15:15", "16:30"), 24),
    Service("homework", "heron", "Homework Club", ACADEMICS, "after_school", (5, 14),
            ("homework_completion", "study_habits"), "MO,TU,WE,TH", ("15:00", "17:30"), 60,
            at_schools=True),
    Service("credit", "heron", "Credit Recovery Lab", ACADEMICS, "tutoring", (14, 18),
            ("study_habits",), "SA", ("09:00", "12:00"), 20),
    Service("writing", "reedbed", "Young Writers Room", ACADEMICS, "after_school", (8, 18),
            ("writing",), "FR", ("15:15", "16:45"), 18),
    Service("science", "heron", "Saturday Science Garden", ACADEMICS, "after_school", (8, 14),
            ("science",), "SA", ("10:00", "12:00"), 25),
    Service("walkers", "heron", "Walking School Bus", ACADEMICS, "attendance_outreach", (5, 11),
            ("attendance_habits",), "MO,TU,WE,TH,FR", ("07:30", "08:10"), 40, at_schools=True),
    Service("check-connect", "grove", "Check and Connect", ACADEMICS, "attendance_outreach",
            (5, 18), ("attendance_habits",), "MO", ("08:30", "09:00"), 50, "coordinator",
            at_schools=True),
    Service("mentors", "kestrel", "Mentors Together", SOCIAL, "mentoring", (8, 18),
            ("peer_relations", "engagement"), "WE", ("12:00", "13:00"), 45, at_schools=True),
    Service("friends", "linden", "Social Skills Group", SOCIAL, "social_skills", (5, 11),
            ("peer_relations", "self_regulation"), "TH", ("10:00", "10:45"), 24, "school",
            at_schools=True),
    Service("counseling", "linden", "School-based Counseling", SOCIAL, "counseling", (5, 18),
            ("self_regulation", "grief_and_loss"), "TU,TH", ("09:00", "15:00"), 35,
            at_schools=True),
    Service("crisis", "linden", "Mobile Crisis Team", SOCIAL, "violence_intervention", (5, 18),
            ("safety",), "MO,TU,WE,TH,FR", ("08:00", "18:00"), 0),
    Service("circles", "grove", "Restorative Circles", SOCIAL, "social_skills", (8, 18),
            ("conflict_resolution",), "FR", ("13:00", "14:00"), 60, "school", at_schools=True),
    Service("soccer", "osprey", "Soccer for All", SOCIAL, "sports", (5, 14),
            ("engagement",), "SA", ("09:00", "11:00"), 80),
    Service("studio", "marigold", "After-school Studio", SOCIAL, "arts", (5, 18),
            ("engagement",), "TU", ("15:15", "17:00"), 40),
    Service("choir", "marigold", "Community Youth Choir", SOCIAL, "arts", (8, 18),
            ("engagement",), "WE", ("17:00", "18:30"), 50, is_stale=True),
    Service("dental", "larkspur", "Dental Van", HEALTH, "health", (5, 18),
            ("dental_care",), "FR", ("09:00", "14:00"), 60, at_schools=True),
    Service("vision", "larkspur", "Vision Screening and Glasses", HEALTH, "screening", (5, 18),
            ("vision_screening",), "MO", ("09:00", "13:00"), 50, at_schools=True),
    Service("asthma", "larkspur", "Asthma Home Visits", HEALTH, "health", (5, 18),
            ("asthma_plan",), "TU,WE", ("14:00", "18:00"), 15),
    Service("checkup", "larkspur", "Well-child Clinic", HEALTH, "health", (5, 18),
            ("primary_care",), "MO,WE", ("08:00", "17:00"), 0),
    Service("nutrition", "larkspur", "Healthy Plates Workshop", HEALTH, "wellness", (8, 18),
            ("nutrition",), "TH", ("16:00", "17:30"), 20, status="temporarily closed"),
    Service("sleep", "grove", "Sleep and Routines Coaching", HEALTH, "wellness", (5, 14),
            ("sleep_routine",), "TH", ("08:30", "09:00"), 20, "coordinator"),
    Service("pantry", "quince", "Family Food Shelf", HOME, "family_assistance", (5, 18),
            ("food_security",), "WE,SA", ("10:00", "14:00"), 0),
    Service("backpack", "quince", "Weekend Backpack", HOME, "family_assistance", (5, 14),
            ("food_security",), "FR", ("14:00", "15:00"), 120, at_schools=True),
    Service("navigator", "tansy", "Family Navigator", HOME, "family_assistance", (5, 18),
            ("housing_stability", "caregiver_support"), "MO,TH", ("09:00", "17:00"), 30),
    Service("shelter", "tansy", "Emergency Shelter Placement", HOME, "family_assistance", (5, 18),
            ("housing_stability",), "MO,TU,WE,TH,FR,SA,SU", ("00:00", "23:59"), 6),
    Service("parents", "heron", "Parents as Partners", HOME, "family_assistance", (5, 18),
            ("family_engagement",), "TU", ("18:00", "19:30"), 40, at_schools=True),
    Service("english", "heron", "English for Families", HOME, "family_assistance", (5, 18),
            ("language_access",), "MO,WE", ("18:00", "20:00"), 30),
    Service("winter", "grove", "Winter Coat Closet", HOME, "family_assistance", (5, 18),
            ("clothing",), "MO", ("08:00", "09:00"), 90, "coordinator", status="inactive"),
)  # fmt: skip

PROVIDER_BY_KEY = {provider.key: provider for provider in PROVIDERS}


def fitting_services(domain: str, *, age: int) -> tuple[Service, ...]:
    """Active services of a domain that take an age."""
    return tuple(
        service
        for service in SERVICES
        if service.domain == domain
        and service.status == "active"
        and not service.is_stale
        and service.ages[0] <= age <= service.ages[1]
    )
