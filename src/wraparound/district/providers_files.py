"""providers.zip: an HSDS 3.1 tabular data package of the invented providers."""

import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

from wraparound.district.catalog import (
    CATEGORIES,
    DOMAINS,
    GRADE_BANDS,
    NEEDS_DOCUMENT,
    PROVIDER_BY_KEY,
    PROVIDERS,
    SERVICES,
    Service,
    stable_uuid,
)
from wraparound.district.names import TREES
from wraparound.district.world import World
from wraparound.district.writing import Row, ZipFolder

HEADERS: dict[str, tuple[str, ...]] = {
    "organizations": ("id", "name", "alternate_name", "description", "email", "website",
                      "tax_status", "tax_id", "year_incorporated", "legal_status", "logo", "uri",
                      "parent_organization_id"),
    "programs": ("id", "organization_id", "name", "alternate_name", "description"),
    "services": ("id", "organization_id", "program_id", "name", "alternate_name", "description",
                 "url", "email", "status", "interpretation_services", "application_process",
                 "fees_description", "wait_time", "fees", "accreditations",
                 "eligibility_description", "minimum_age", "maximum_age", "assured_date",
                 "assurer_email", "licenses", "alert", "last_modified"),
    "locations": ("id", "location_type", "url", "organization_id", "name", "alternate_name",
                  "description", "transportation", "latitude", "longitude",
                  "external_identifier", "external_identifier_type"),
    "service_at_location": ("id", "service_id", "location_id", "description"),
    "addresses": ("id", "location_id", "attention", "address_1", "address_2", "city", "region",
                  "state_province", "postal_code", "country", "address_type"),
    "phones": ("id", "location_id", "service_id", "organization_id", "contact_id",
               "service_at_location_id", "number", "extension", "type", "description"),
    "schedules": ("id", "service_id", "location_id", "service_at_location_id", "valid_from",
                  "valid_to", "dtstart", "timezone", "until", "count", "wkst", "freq", "interval",
                  "byday", "byweekno", "bymonthday", "byyearday", "description", "opens_at",
                  "closes_at", "schedule_link", "attending_type", "notes"),
    "languages": ("id", "service_id", "location_id", "phone_id", "name", "code", "note"),
    "service_areas": ("id", "service_id", "name", "description", "extent", "extent_type", "uri"),
    "required_documents": ("id", "service_id", "document", "uri"),
    "cost_options": ("id", "service_id", "valid_from", "valid_to", "option", "currency", "amount",
                     "amount_description"),
    "taxonomies": ("id", "name", "description", "uri", "version"),
    "taxonomy_terms": ("id", "code", "name", "description", "parent_id", "taxonomy", "language",
                       "taxonomy_id", "term_uri"),
    "attributes": ("id", "link_id", "taxonomy_term_id", "link_type", "link_entity", "value"),
    "accessibility": ("id", "location_id", "description", "details", "url"),
    "service_capacity": ("id", "service_id", "unit_id", "available", "maximum", "description",
                         "updated"),
    "units": ("id", "name", "scheme", "identifier", "uri"),
}  # fmt: skip
TAXONOMIES = {
    "domain": ("The four domains of the whole child.", DOMAINS),
    "category": ("What kind of help it is.", CATEGORIES),
    "grade_band": ("The grades a service is for.", tuple(GRADE_BANDS)),
    "delivered_by": ("Who delivers it.", ("coordinator", "school", "community_provider")),
    "need": (
        "What a service answers.",
        tuple(sorted({need for service in SERVICES for need in service.needs})),
    ),
}
LANGUAGE_CODES = {"English": "eng", "Spanish": "spa"}
CITY, STATE, POSTAL_CODE, TIME_ZONE = "Wraparound", "CT", "06100", "America/New_York"
ACCESS = ("Wheelchair access and elevator.", "Three steps at the entrance.")
PLACES_UNIT = stable_uuid("unit", "places")
STALE_YEARS = 3


def write_providers(world: World, path: Path) -> dict[str, int]:
    """Write the package; rows by member."""
    tables: dict[str, Callable[[World], Iterator[Row]]] = {
        "organizations": _organizations,
        "programs": _programs,
        "services": _services,
        "locations": _locations,
        "service_at_location": _services_at_locations,
        "addresses": _addresses,
        "phones": _phones,
        "schedules": _schedules,
        "languages": _languages,
        "service_areas": _service_areas,
        "required_documents": _required_documents,
        "cost_options": _cost_options,
        "taxonomies": _taxonomies,
        "taxonomy_terms": _taxonomy_terms,
        "attributes": _attributes,
        "accessibility": _accessibility,
        "service_capacity": _capacities,
        "units": _units,
    }
    with ZipFolder(path) as folder:
        folder.add_bytes("datapackage.json", _datapackage())
        return {
            f"{name}.csv": folder.add_csv(f"{name}.csv", header=HEADERS[name], rows=rows(world))
            for name, rows in tables.items()
        }


def _datapackage() -> bytes:
    resources = [
        {
            "name": name,
            "path": f"{name}.csv",
            "profile": "tabular-data-resource",
            "schema": {
                "primaryKey": "id",
                "fields": [{"name": n, "type": "string"} for n in header],
            },
        }
        for name, header in HEADERS.items()
    ]
    package = {
        "name": "human_services_data",
        "title": "Invented providers",
        "profile": "tabular-data-package",
        "version": "3.1.0",
        "resources": resources,
    }
    return json.dumps(package, indent=2).encode() + b"\n"


def _organizations(_: World) -> Iterator[Row]:
    for one in PROVIDERS:
        mail, web = f"office@{one.key}.example", f"https://{one.key}.example"
        yield (
            one.id,
            one.name,
            "",
            one.description,
            mail,
            web,
            "",
            "",
            "",
            "nonprofit",
            "",
            "",
            "",
        )


def _programs(_: World) -> Iterator[Row]:
    for one in PROVIDERS:
        yield (_program_id(one.key), one.id, f"{one.name} in schools", "", one.description)


def _program_id(provider: str) -> str:
    return stable_uuid("program", provider)


def _services(world: World) -> Iterator[Row]:
    for one in SERVICES:
        provider = PROVIDER_BY_KEY[one.provider]
        spoken = ", ".join(provider.languages)
        low, high = one.ages
        assured = _assured(world, service=one)
        mail = f"intake@{one.provider}.example"
        yield (
            one.id, provider.id, _program_id(one.provider), one.name, "",
            f"{one.name} by {provider.name}.", f"https://{one.provider}.example/{one.key}", mail,
            one.status, spoken, "Ask the site coordinator of the school.",
            "", "2 weeks" if _is_full(world, service=one) else "", "", "",
            f"Children aged {low} to {high}.", low, high, assured, mail, "",
            "" if one.status == "active" else "Not taking referrals.",
            f"{assured}T12:00:00.000Z",
        )  # fmt: skip


def _assured(world: World, *, service: Service) -> date:
    """Checked before the year began; a stale record was checked years ago."""
    day = sum(ord(letter) for letter in service.key) % 28 + 1
    year = world.plan.school_year - 1 - (STALE_YEARS if service.is_stale else 0)
    return date(year, 8, day)


def _location_id(key: str) -> str:
    return stable_uuid("location", key)


def _locations(world: World) -> Iterator[Row]:
    for place, one in enumerate(PROVIDERS):
        where = f"{41.7 + place / 100:.2f}", f"{-72.6 - place / 100:.2f}"
        yield (
            _location_id(one.key), "physical", "", one.id, one.name, "", "", "Bus 40", *where,
            "", "",
        )  # fmt: skip
    for school in world.schools:
        yield (
            _location_id(school.sourced_id), "physical", "", "", school.name, "", "", "", "", "",
            school.sourced_id, "schoolId",
        )  # fmt: skip


def _places_of(world: World, *, service: Service) -> list[str]:
    """Keys of locations: at the schools whose children are of the age, or at the provider's."""
    if not service.at_schools:
        return [service.provider]
    low, high = service.ages
    return [
        school.sourced_id
        for school in world.schools
        if (high > GRADE_BANDS["06-08"][1] if school.is_high else low < GRADE_BANDS["09-12"][0])
    ]


def _services_at_locations(world: World) -> Iterator[Row]:
    for one in SERVICES:
        for place in _places_of(world, service=one):
            link = stable_uuid("service_at_location", one.key, place)
            yield (link, one.id, _location_id(place), "")


def _addresses(world: World) -> Iterator[Row]:
    for number, one in enumerate(PROVIDERS):
        street = f"{12 + 7 * number} {TREES[number]} Street"
        yield (
            stable_uuid("address", one.key), _location_id(one.key), "", street, "", CITY, "",
            STATE, f"{POSTAL_CODE[:3]}{number:02d}", "US", "physical",
        )  # fmt: skip
    for number, school in enumerate(world.schools):
        yield (
            stable_uuid("address", school.sourced_id), _location_id(school.sourced_id), "",
            f"{3 + 4 * number} School Lane", "", CITY, "", STATE,
            f"{POSTAL_CODE[:3]}{number % len(PROVIDERS):02d}", "US", "physical",
        )  # fmt: skip


def _accessibility(world: World) -> Iterator[Row]:
    """Every other provider has steps; schools can be entered by everybody."""
    notes = {one.key: ACCESS[place % len(ACCESS)] for place, one in enumerate(PROVIDERS)}
    notes |= {school.sourced_id: ACCESS[0] for school in world.schools}
    for key, note in notes.items():
        yield (stable_uuid("accessibility", key), _location_id(key), note, "", "")


def _phones(_: World) -> Iterator[Row]:
    for number, one in enumerate(PROVIDERS):
        phone = f"(860) 555-01{number:02d}"
        yield (stable_uuid("phone", one.key), "", "", one.id, "", "", phone, "", "voice", "")


def _schedules(world: World) -> Iterator[Row]:
    first, last = world.year.days[0], date(world.plan.school_year, 6, 30)
    for one in SERVICES:
        yield (
            stable_uuid("schedule", one.key), one.id, "", "", first, last, first, TIME_ZONE, "",
            "", "MO", "WEEKLY", 1, one.byday, "", "", "", "", *one.hours, "", "in person", "",
        )  # fmt: skip


def _languages(_: World) -> Iterator[Row]:
    for one in SERVICES:
        for name in PROVIDER_BY_KEY[one.provider].languages:
            link = stable_uuid("language", one.key, name)
            yield (link, one.id, "", "", name, LANGUAGE_CODES[name], "")


def _service_areas(_: World) -> Iterator[Row]:
    for one in SERVICES:
        link = stable_uuid("service_area", one.key)
        yield (link, one.id, "Whole district", "Families of the district's schools.", "", "", "")


def _required_documents(_: World) -> Iterator[Row]:
    for one in SERVICES:
        if one.category in NEEDS_DOCUMENT:
            link = stable_uuid("required_document", one.key)
            yield (link, one.id, "Signed consent of a parent or guardian", "")


def _cost_options(_: World) -> Iterator[Row]:
    for one in SERVICES:
        link = stable_uuid("cost_option", one.key)
        yield (link, one.id, "", "", "families of the district", "USD", "0.00", "free of charge")


def _taxonomies(_: World) -> Iterator[Row]:
    for name, (description, _terms) in TAXONOMIES.items():
        yield (stable_uuid("taxonomy", name), name, description, "", "1")


def _term_id(taxonomy: str, code: str) -> str:
    return stable_uuid("term", taxonomy, code)


def _taxonomy_terms(_: World) -> Iterator[Row]:
    for taxonomy, (_description, codes) in TAXONOMIES.items():
        above = stable_uuid("taxonomy", taxonomy)
        for code in codes:
            name = code.replace("_", " ")
            term = _term_id(taxonomy, code)
            yield (term, code, name, f"{taxonomy}: {name}", "", taxonomy, "en", above, "")


def _attributes(_: World) -> Iterator[Row]:
    for one in SERVICES:
        tags = [
            ("domain", one.domain),
            ("category", one.category),
            ("delivered_by", one.delivered_by),
            *(("grade_band", band) for band in one.bands),
            *(("need", need) for need in one.needs),
        ]
        for taxonomy, code in tags:
            link = stable_uuid("attribute", one.key, taxonomy, code)
            yield (link, one.id, _term_id(taxonomy, code), taxonomy, "service", code)


def _capacities(world: World) -> Iterator[Row]:
    monday = _monday(world)
    for one in SERVICES:
        if one.places:
            yield (
                stable_uuid("capacity", one.key), one.id, PLACES_UNIT,
                _available(world, service=one), one.places, "", f"{monday}T11:00:00.000Z",
            )  # fmt: skip


def _monday(world: World) -> date:
    """Providers tell their free places on Mondays."""
    return world.plan.through - timedelta(days=world.plan.through.weekday())


def _available(world: World, *, service: Service) -> int:
    week = _monday(world).isoformat()
    share = world.chance("capacity", service.key).random() * 0.6
    drift = world.chance("capacity", service.key, week).random() * 0.25
    return max(0, int(service.places * (share + drift) - service.places * 0.12))


def _is_full(world: World, *, service: Service) -> bool:
    return service.places > 0 and _available(world, service=service) == 0


def _units(_: World) -> Iterator[Row]:
    yield (PLACES_UNIT, "places", "", "", "")
