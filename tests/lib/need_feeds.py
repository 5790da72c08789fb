"""The feeds of one small district, from need to service, with all that can be wrong in them."""

from datetime import UTC, date, datetime

from lib.feed_builders import (
    UNEXCUSED,
    Roster,
    a_file,
    a_zip,
    attendance,
    children,
    csv_bytes,
)
from wraparound.district.providers_files import HEADERS
from wraparound.district.support_files import (
    CONSENTS_HEADER,
    DOMAINS_HEADER,
    EVENTS_HEADER,
    REVIEWS_HEADER,
)

HERE = children(6)
ALDER, BIRCH, CEDAR, DAMSON, ELDER, FIR = (child.id for child in HERE)
(EAST,) = (child.id for child in children(1, school="T-S2", prefix="East"))
SENT_AT, THURSDAY = datetime(2026, 11, 18, 7, tzinfo=UTC), date(2026, 11, 19)
SMALL, OPEN, ODD, NEGATIVE = "T-small", "T-open", "T-odd", "T-negative"


def of_header(header, **cells):
    """A row of a header's columns; what is not given is blank."""
    return [cells.get(name, "") for name in header]


def roster(folder, *, name="roster.zip", others=(), gone=()):
    """All children of two schools; `others` are ids with the names and birth date they have now:
    (id, given name, family name, day). Of those who are `gone` nothing is told."""
    whole = Roster((*HERE, *children(1, school="T-S2", prefix="East")))
    members = whole.members()
    # Damson left in October; East goes to both schools.
    text = members["enrollments.csv"].decode()
    left = next(line for line in text.splitlines() if line.startswith(f"{DAMSON}-E"))
    text = text.replace(left, left.replace("2027-06-20", "2026-10-30"))
    both = next(line for line in text.splitlines() if line.startswith(f"{EAST}-E"))
    text += both.replace(f"{EAST}-E", f"{EAST}-E2").replace("T-S2", "T-S1") + "\n"
    # Cedar comes of age on the first of December.
    born = members["demographics.csv"].decode().splitlines()
    born = [
        line.replace("2017-04-01", "2008-12-01") if line.startswith(f"{CEDAR},") else line
        for line in born
    ]
    changed = {"enrollments.csv": text.encode(), "demographics.csv": "\n".join(born).encode()}
    told = retold({**members, **changed}, others)
    return a_zip(folder, name, {member: without(text, gone) for member, text in told.items()})


def without(text, students):
    """A member without the lines that name some students."""
    lines = text.splitlines(keepends=True)
    return b"".join(line for line in lines if not any(s.encode() in line for s in students))


def retold(members, others):
    """The members of a roster in which some ids have other names and another birth date."""
    users, born = (members[name].decode() for name in ("users.csv", "demographics.csv"))
    for student, given, family, day in others:
        was = student.removeprefix("T-")
        users = users.replace(f",{was},Grove,", f",{given},{family},")
        (line,) = (line for line in born.splitlines() if line.startswith(f"{student},"))
        cells = line.split(",")
        born = born.replace(line, ",".join([*cells[:3], day, *cells[4:]]))
    return {**members, "users.csv": users.encode(), "demographics.csv": born.encode()}


def providers(folder):
    """One organization whose parent is gone; a service of each kind."""
    rows = {name: [] for name in HEADERS}

    def add(table, **cells):
        rows[table].append(of_header(HEADERS[table], **cells))

    def offer(service, term, **cells):
        add(
            "services", id=service, organization_id="T-org", name=service, status="active", **cells
        )
        add("attributes", id=f"{service}-a", link_id=service, taxonomy_term_id=f"T-{term}",
            link_entity="service", value=term)  # fmt: skip

    add("organizations", id="T-org", name="Grove House", description="x",
        parent_organization_id="T-nobody")  # fmt: skip
    add("taxonomies", id="T-tax", name="category", description="x")
    for term in ("tutoring", "after_school", "gardening"):
        add("taxonomy_terms", id=f"T-{term}", code=term, name=term, description=term,
            taxonomy="category", taxonomy_id="T-tax")  # fmt: skip
    add("units", id="T-unit", name="places")
    offer(SMALL, "tutoring", wait_time="2 weeks")
    offer(OPEN, "after_school", minimum_age="5", maximum_age="12")
    offer(ODD, "gardening")
    offer(NEGATIVE, "after_school", minimum_age="13")
    for service, places in ((SMALL, "3"), (NEGATIVE, "-1")):
        add("service_capacity", id=f"{service}-c", service_id=service, unit_id="T-unit",
            available=places, maximum="9", updated="2026-11-01T12:00:00Z")  # fmt: skip
    return a_zip(
        folder,
        "providers.zip",
        {
            "datapackage.json": b"{}",
            **{f"{n}.csv": csv_bytes(",".join(HEADERS[n]), rows[n]) for n in HEADERS if rows[n]},
        },
    )


def events(folder):
    """Service events, some of which cannot be."""

    def event(number, referral, student, state, day, **cells):
        return of_header(
            EVENTS_HEADER,
            event_id=f"T-e{number}",
            referral_id=referral,
            student_id=student,
            service_id=SMALL,
            rule_id="RV-AC",
            domain="academics",
            event_type="state" if state else "contact",
            state=state,
            event_date=f"2026-11-{day:02d}",
            **cells,
        )

    rows = [
        event(1, "T-r1", ALDER, "requested", 2),
        # Once more, and completed though nobody accepted.
        event(2, "T-r1", ALDER, "requested", 3),
        event(3, "T-r1", ALDER, "completed", 5),
        # Nobody asked for this one.
        event(4, "T-r9", BIRCH, "", 6),
        # Without its reason, and with one in free words.
        event(5, "T-r3", CEDAR, "requested", 2),
        event(6, "T-r3", CEDAR, "rejected", 4),
        event(7, "T-r3", CEDAR, "rejected", 4, reason="a sentence about a mother"),
        event(8, "T-r4", DAMSON, "requested", 2),
    ]
    return a_file(folder, "service_events.csv", csv_bytes(",".join(EVENTS_HEADER), rows))


def consents(folder):
    """One consent that ends, one for a provider, and one for another."""

    def consent(student, **cells):
        return of_header(
            CONSENTS_HEADER,
            consent_id=f"{student}-c",
            student_id=student,
            granted_by_role="parent",
            signed_at="2026-09-01",
            effective_from="2026-09-01",
            purpose="help",
            **cells,
        )

    rows = [
        consent(ALDER, records_scope="services", revoked_at="2026-11-20"),
        consent(CEDAR, records_scope="services", recipient_organization_id="T-org"),
        consent(ELDER, records_scope="services", recipient_organization_id="T-other"),
    ]
    return a_file(folder, "consents.csv", csv_bytes(",".join(CONSENTS_HEADER), rows))


def reviews(folder):
    """A review of every child, with a severe need in academics."""
    seen = [(student, "T-S1") for student in (ALDER, BIRCH, CEDAR, DAMSON, ELDER, FIR)]
    seen.append((EAST, "T-S2"))
    held = [
        of_header(
            REVIEWS_HEADER,
            review_id=f"{student}-v",
            student_id=student,
            school_id=school,
            school_year="2027",
            season="fall",
            reviewed_on="2026-10-05",
            tier="2b" if student == FIR else "2a",
            tier_system="city_connects",
        )
        for student, school in seen
    ]
    domains = [
        of_header(
            DOMAINS_HEADER,
            review_id=f"{student}-v",
            domain="academics",
            level="severe",
            needs="reading",
        )
        for student, _ in seen
    ]
    return a_zip(
        folder,
        "reviews.zip",
        {
            "reviews.csv": csv_bytes(",".join(REVIEWS_HEADER), held),
            "review_domains.csv": csv_bytes(",".join(DOMAINS_HEADER), domains),
        },
    )


def absences(folder):
    """Three days that Alder missed, and two of Elder's, the second still to come on Thursday."""
    days = [(ALDER, 9), (ALDER, 10), (ALDER, 12), (ELDER, 19), (ELDER, 20)]
    return attendance(
        folder, [(student, "T-S1", f"2026-11-{day:02d}", UNEXCUSED) for student, day in days]
    )


ALL = (roster, providers, events, consents, reviews, absences)
