"""Registers the *Tonight* page and its place in the navigation."""

from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

from wraparound.orchestration.tonight import TonightApp


class WraparoundTonight(AirflowPlugin):
    """The name plate of `wraparound.orchestration.tonight`."""

    name = "wraparound_tonight"
    fastapi_apps: ClassVar[list[Any]] = [
        {"app": TonightApp(), "url_prefix": "/tonight", "name": "Tonight"}
    ]
    external_views: ClassVar[list[Any]] = [
        {
            "name": "Tonight",
            "href": "/tonight/",
            "destination": "nav",
            "url_route": "tonight",
            "nav_top_level": True,
        }
    ]
