"""After nights with every defect: no canary child anywhere but where children may be."""

import logging

import pytest
from click.testing import CliRunner

from lib.canary_scan import found_in, places_of
from lib.mail_server import a_mail_server
from lib.warehouse_in_tests import a_fresh_warehouse, write_district
from wraparound.cli import main
from wraparound.district import CANARY_WORDS, DEFECTS
from wraparound.publishing import lists
from wraparound.warehouse import connection as connections

WORDS = sorted(CANARY_WORDS)
SMALL = ("--schools", "2", "--students", "40", "--seed", "5", "--school-year", "2027")


class Nights:
    """The command line at work, and everything that it said."""

    def __init__(self, home):
        self.home = home
        self.said = []

    def run(self, *words):
        result = CliRunner().invoke(main, list(words))
        self.said += [result.stdout, result.stderr, repr(result.exception)]
        return result.exit_code

    def land(self, name, *words):
        out = self.home / "deliveries" / name
        assert self.run("district", "make", *SMALL, "--out", str(out), *words) == 0
        return self.run("land", str(out))


@pytest.fixture(scope="module")
def nights(server, tmp_path_factory):
    """A good night, every defect there is, a list that fails to be written, a second night."""
    home = tmp_path_factory.mktemp("canaries")
    (home / "home").mkdir()
    with (
        a_fresh_warehouse(server, home / "home") as settings,
        a_mail_server() as mail,
        pytest.MonkeyPatch.context() as patch,
    ):
        staff = "".join(f"\n      stf-{n:04d}: s{n}@district.example" for n in range(1, 9))
        write_district(settings, MAIL.format(port=mail.port, staff=staff))
        patch.setenv("WRAPAROUND_HOME", str(settings.home))
        patch.setenv("WRAPAROUND_WAREHOUSE_URL", str(settings.warehouse_url))
        patch.setenv("WRAPAROUND_DISTRICT_FILE", str(settings.district_file))
        log = logging.FileHandler(settings.log_dir / "everything.log")
        logging.getLogger().addHandler(log)
        checked = watched_checks(patch)
        at_work = Nights(home)
        at_work.land("sound", "--through", "2026-11-19")
        assert at_work.run("night", "--as-of", "2026-11-19") == 0, at_work.said[-3:]
        for defect in DEFECTS:
            at_work.land(defect, "--through", "2026-11-20", "--defect", defect)
        with monkeypatched_failure(patch):
            at_work.run("night", "--as-of", "2026-11-20")
        for words in READING:
            at_work.run(*words)
        logging.getLogger().removeHandler(log)
        (home / "said.txt").write_text("\n".join(map(str, at_work.said)))
        log.close()
        yield settings, at_work, checked, mail


MAIL = """
channels:
  mail:
    kind: email
    host: 127.0.0.1
    port: {port}
    sender: lists@district.example
    link: https://lists.example/{{school}}
    addresses:{staff}
"""
READING = (
    ("arrivals", "--json"),
    ("quarantine", "list", "--json"),
    ("brake", "list", "--json"),
    ("release", "list", "--json"),
    ("release", "show", "1"),
    ("status", "--json"),
    ("disclosures", "verify"),
    ("purge", "--by", "T", "--reason", "r", "--dry-run"),
)


def watched_checks(patch):
    """Keep every result that Great Expectations makes, whole."""
    from great_expectations.datasource.fluent.interfaces import Batch

    kept = []
    validate = Batch.validate

    def watch(self, *words, **more):
        result = validate(self, *words, **more)
        kept.append(result.describe() + str(result.to_json_dict()))
        return result

    patch.setattr(Batch, "validate", watch)
    return kept


class monkeypatched_failure:  # noqa: N801 - reads as a phrase where it is used
    """Rendering fails with an error that names the children, as a driver's might."""

    def __init__(self, patch):
        self.patch = patch
        self.render = lists.render_school

    def __enter__(self):
        def fail(data, out_dir, **more):
            if data.school.school_source_id.endswith("1"):
                raise ValueError(f"cannot write {data!r}")
            return self.render(data, out_dir, **more)

        self.patch.setattr(lists, "render_school", fail)

    def __exit__(self, *_):
        self.patch.setattr(lists, "render_school", self.render)


def test_the_canaries_are_in_the_lists(nights):
    """Or else the scan would find nothing because there is nothing."""
    settings, *_ = nights
    pages = [path.read_text() for path in settings.lists.glob("*/index.html")]
    assert found_in("\n".join(pages), WORDS)


def test_the_nights_went_as_they_were_meant_to(nights):
    """Both were published or held, one list failed to be written, analysts got their tables."""
    settings, *_ = nights
    log = (settings.log_dir / "everything.log").read_text()
    assert "failed: ValueError" in log
    with connections.connect(settings) as connection:
        rows = connection.execute("select release_id from ops.release").fetchall()
        assert len(rows) == 2
        rows = connection.execute(
            "select state from ops.event where kind = 'analytics'"
        ).fetchall()
        assert {row["state"] for row in rows} == {"done"}


def test_no_canary_is_outside_the_places_that_may_hold_one(nights, server):
    settings, *_ = nights
    log = server.postgres_dir / "server.log"
    assert places_of(settings, WORDS, also=[log]) == []


def test_the_command_line_says_no_canary(nights):
    _, at_work, *_ = nights
    assert found_in("\n".join(at_work.said), WORDS) == []


def test_no_result_of_a_check_holds_a_canary(nights):
    *_, checked, _ = nights
    assert len(checked) > 20
    assert found_in("\n".join(checked), WORDS) == []


def test_no_mail_holds_a_canary(nights):
    *_, mail = nights
    assert mail.mails
    assert found_in("\n".join(m.as_string() for m in mail.mails), WORDS) == []


def test_the_scan_finds_what_it_looks_for(nights):
    """A canary put where none may be is found, in a file, its name and a table."""
    settings, *_ = nights
    word = WORDS[0]
    (settings.log_dir / "slip.log").write_text(f"row 3: {word.upper()}")
    (settings.run_dir / f"{word}.pid").touch()
    with connections.connect(settings) as connection:
        connection.execute(
            "insert into ops.event (kind, detail) values ('t', to_jsonb(%s::text))", (word,)
        )
    found = places_of(settings, WORDS)
    assert found == sorted(
        [str(settings.log_dir / "slip.log"), f"name of a file in {settings.run_dir}", "ops.event"]
    )
