"""One small district, loaded and built once for all tests that look at built tables."""

import pytest

from lib.release_builders import a_server
from lib.warehouse_in_tests import share_what_dbt_reads
from wraparound.district import make_district
from wraparound.orchestration import examples, nights


@pytest.fixture(scope="session")
def town(tmp_path_factory):
    """The files of the district that the examples are taken from."""
    folder = tmp_path_factory.mktemp("town")
    make_district(examples.PLAN, folder)
    return folder


@pytest.fixture(scope="session")
def built_town(town):
    """Settings of a warehouse into which the town's files were loaded, all models built."""
    with a_server() as settings:
        settings.make_folders()
        share_what_dbt_reads(settings)
        nights.land(settings, [town])
        nights.ingest(settings)
        nights.build(settings, as_of=examples.PLAN.through)
        yield settings
