"""The *Tonight* page inside Airflow's own UI, behind its login: counts, rules and ids only."""

from dataclasses import asdict
from datetime import datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, PackageLoader

from wraparound.contracts.district import District, load_district
from wraparound.errors import WraparoundError
from wraparound.orchestration.watch import find_alarms
from wraparound.settings import Settings, load_settings
from wraparound.warehouse import connection as connections

Rows = list[dict[str, Any]]

QUERIES = {
    "arrivals": """
        select
            arrival_id, feed, sender, received_at, state, code,
            rows_in, rows_loaded, rows_unchanged, rows_quarantined, rows_duplicate
        from ops.arrival
        order by arrival_id desc
        limit 40
    """,
    "quarantine": """
        select feed, table_name, rule, scope, count(*) as row_count
        from ops.quarantine
        where state = 'open'
        group by feed, table_name, rule, scope
        order by row_count desc, feed, table_name, rule, scope
        limit 40
    """,
    "releases": """
        select
            release.release_id, release.as_of_date, release.state, release.published_at,
            count(*) filter (where school.verdict = 'pass') as pass_count,
            count(*) filter (where school.verdict = 'notice') as notice_count,
            count(*) filter (where school.verdict = 'hold') as hold_count,
            count(*) filter (where school.live) as live_count
        from ops.release as release
        left join ops.release_school as school on release.release_id = school.release_id
        group by release.release_id
        order by release.release_id desc
        limit 10
    """,
    "verdicts": """
        select rule_id, severity, count(*) as school_count, sum(failing_count) as failing_count
        from ops.verdict
        where release_id = (select max(release_id) from ops.release)
        group by rule_id, severity
        order by severity, rule_id
    """,
    "builds": """
        select build_id, as_of_date, state, started_at, finished_at, models_built, tests_failed
        from ops.build
        order by build_id desc
        limit 5
    """,
    "alerts": """
        select
            happened_at, kind, detail ->> 'feed' as feed, detail ->> 'owner' as owner,
            detail ->> 'text' as told
        from ops.event
        where state = 'alert'
        order by event_id desc
        limit 20
    """,
    "runs": """
        select happened_at, dag_id, state
        from ops.event
        where kind = 'dag_run' and state <> 'running'
        order by event_id desc
        limit 12
    """,
}


class TonightApp:
    """What Airflow mounts. FastAPI is imported at the first request, not in every task."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Pass a request on to the real application."""
        await _application()(scope, receive, send)


def render(settings: Settings) -> str:
    """The page, as HTML, from the ledger."""
    district = load_district(settings.district_file)
    environment = _templates()
    standing = [asdict(alarm) for alarm in find_alarms(settings)]
    return environment.get_template("tonight.html").render(
        district=district,
        moment=_moment_shower(district),
        standing=standing,
        **read_ledger(settings),
    )


def read_ledger(settings: Settings) -> dict[str, Rows]:
    """The rows of each table of the page, in one snapshot."""
    with connections.connect(settings) as connection:
        connection.execute("set transaction isolation level repeatable read, read only")
        return {name: connection.execute(query).fetchall() for name, query in QUERIES.items()}


@cache
def _application() -> Any:
    from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
    from airflow.api_fastapi.core_api.security import requires_access_view
    from fastapi import Depends, FastAPI
    from fastapi.responses import HTMLResponse

    # Airflow mounts the applications of plugins without asking who comes: this one asks itself.
    # The documentation pages of FastAPI would be open, so there are none.
    application = FastAPI(
        dependencies=[Depends(requires_access_view(AccessView.PLUGINS))],
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )

    def page() -> HTMLResponse:
        try:
            return HTMLResponse(render(load_settings()), headers={"Cache-Control": "no-store"})
        except WraparoundError as error:
            return HTMLResponse(f"<p>{error.code}: the ledger cannot be read.</p>", 503)

    application.get("/", response_class=HTMLResponse)(page)
    return application


@cache
def _templates() -> Environment:
    return Environment(loader=PackageLoader("wraparound.orchestration"), autoescape=True)


def _moment_shower(district: District) -> Any:
    zone = ZoneInfo(district.time_zone)

    def shown(moment: datetime | None) -> str:
        return moment.astimezone(zone).strftime("%a %d %b, %H:%M") if moment else ""

    return shown
