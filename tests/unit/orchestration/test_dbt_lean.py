"""What dbt leaves out while a night runs, and what it does not."""

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import networkx
import pytest
from dbt_common.events.base_types import EventLevel
from dbt_common.events.event_manager_client import get_event_manager
from dbt_common.events.functions import fire_event
from dbt_common.events.types import Note

from wraparound.orchestration.dbt_lean import (
    collector_at_ease,
    debug_left_unsaid,
    kept_connections,
    longest_way_first,
    macros_bound_at_once,
    project_forgotten,
    read_for_any_database,
    steps_unwritten,
    templates_compiled_once,
)


def test_debug_events_are_left_unsaid_and_the_others_told():
    told = []
    former = get_event_manager()

    with debug_left_unsaid():
        get_event_manager().add_callback(lambda message: told.append(message.info.msg))
        fire_event(Note(msg="a detail"), level=EventLevel.DEBUG)
        fire_event(Note(msg="a step"), level=EventLevel.INFO)
        fire_event(Note(msg="a fault"), level=EventLevel.ERROR)

    assert told == ["a step", "a fault"]
    assert get_event_manager() is former


def test_a_debug_event_is_not_even_made():
    from dbt_common.events.types import RecordRetryException, SystemStdErr

    with debug_left_unsaid():
        unmade = [RecordRetryException(exc="broken"), SystemStdErr(bmsg="broken")]
        fire_event(unmade[0], level=EventLevel.ERROR)

    assert [vars(one) for one in unmade] == [{}, {}]
    assert RecordRetryException(exc="broken").exc == "broken"


def macro(name, package):
    """A macro of a project, as dbt knows it."""
    return SimpleNamespace(name=name, package_name=package)


# As dbt's manifest lists them: what its own packages, a package and the project call alike.
PACKAGES = {
    package: {name: macro(name, package) for name in names}
    for package, names in {
        "dbt": ("everywhere", "of_both", "of_dbt"),
        "dbt_postgres": ("everywhere", "of_both"),
        "borrowed": ("everywhere", "of_borrowed"),
        "wraparound": ("everywhere", "of_ours"),
    }.items()
}


def names_of_a_step(monkeypatch, *, package):
    """Package of the macro that a step of a package finds by each name, or by package and name."""
    from dbt.context.configured import ConfiguredContext
    from dbt.context.macros import MacroNamespaceBuilder
    from dbt.context.manifest import ManifestContext

    monkeypatch.setattr(ConfiguredContext, "to_dict", lambda self: {"of_dbt": None, "this": None})
    builder = MacroNamespaceBuilder("wraparound", package, None, ["dbt_postgres", "dbt"])
    context = ManifestContext.__new__(ManifestContext)
    context.namespace = builder.build_namespace(PACKAGES, {"of": "the step"})
    told = {}
    for name, found in context.to_dict().items():
        if isinstance(found, dict):
            told |= {f"{name}.{inner}": one.macro.package_name for inner, one in found.items()}
        else:
            told[name] = found and (found.macro.package_name, found.context["of"])
    return told


@pytest.mark.parametrize("package", ["wraparound", "borrowed", "dbt"])
def test_a_step_finds_the_same_macros_when_they_are_bound_at_once(monkeypatch, package):
    from dbt.context.macros import MacroNamespaceBuilder

    by_dbt = names_of_a_step(monkeypatch, package=package)
    monkeypatch.setattr(MacroNamespaceBuilder, "add_macro", None)
    with macros_bound_at_once():
        by_us = names_of_a_step(monkeypatch, package=package)

    assert by_us == by_dbt
    assert by_us["of_both"] == ("dbt_postgres", "the step")
    assert by_us["this"] is None


def test_a_text_is_compiled_once_for_all_its_steps(monkeypatch):
    from dbt_common.clients import jinja

    compiled = []
    generate = jinja.MacroFuzzEnvironment._generate
    monkeypatch.setattr(
        jinja.MacroFuzzEnvironment,
        "_generate",
        lambda self, source, *others, **words: (
            compiled.append(source) or generate(self, source, *others, **words)
        ),
    )

    def said(table):
        step = {"this": table}
        return jinja.render_template(jinja.get_template("analyze {{ this }}", step), step)

    with templates_compiled_once():
        assert [said("marts.days"), said("marts.needs")] == [
            "analyze marts.days",
            "analyze marts.needs",
        ]
        assert len(compiled) == 1
    said("marts.days")
    assert len(compiled) == 2


def test_a_text_read_as_values_is_not_taken_for_one_read_as_text():
    from dbt_common.clients import jinja

    def read(*, native):
        count = {"count": 1}
        return jinja.render_template(
            jinja.get_template("{{ count }}", count, native=native), count
        )

    with templates_compiled_once():
        assert (read(native=True), read(native=False)) == (1, "1")


def fail_with_the_collector_at_ease(seen):
    with collector_at_ease():
        seen.append(gc.get_threshold()[0])
        raise ValueError("broken")


def test_what_a_step_asks_is_written_by_whole_builds_only(tmp_path):
    from dbt.contracts.graph.nodes import ModelNode

    def write(text):
        ModelNode.write_node(None, str(tmp_path), "step.sql", text)

    write("of a whole build")
    with steps_unwritten():
        write("of a night")
    assert (tmp_path / "step.sql").read_text() == "of a whole build"
    write("of the next whole build")
    assert (tmp_path / "step.sql").read_text() == "of the next whole build"


def test_the_collector_is_as_before_after_a_failure():
    often = gc.get_threshold()
    seen = []
    with pytest.raises(ValueError, match="broken"):
        fail_with_the_collector_at_ease(seen)

    assert often[0] < seen[0]
    assert gc.isenabled()
    assert gc.get_threshold() == often


def test_a_free_thread_takes_the_step_with_the_longest_way_after_it():
    from dbt.graph.queue import GraphQueue

    ways = networkx.DiGraph([("roster", "page"), ("code", "day"), ("day", "need")])
    steps = SimpleNamespace(expect=lambda step: step)

    with longest_way_first(threads=1), ThreadPoolExecutor(max_workers=1) as other:
        queue = GraphQueue(ways, manifest=steps, selected=set(ways))
        taken = [queue.get()]
        while not queue.empty():
            following = other.submit(queue.get)
            queue.mark_done(taken[-1])
            taken.append(following.result())

    assert taken == ["code", "day", "roster", "need", "page"]


class Session:
    """Stands for a connection of dbt's driver."""

    closed = False

    def close(self):
        """As the driver ends it."""


def test_the_server_is_to_notice_when_a_build_was_killed(monkeypatch):
    from dbt.adapters.postgres import connections

    asked = []
    driver = SimpleNamespace(
        connect=lambda **where: asked.append(where) or Session(),
        extensions=SimpleNamespace(connection=Session, cursor=Session),
        DatabaseError=Exception,
    )
    monkeypatch.setattr(connections, "psycopg2", driver)

    with kept_connections():
        assert connections.psycopg2.connect(dbname="T") is connections.psycopg2.connect(dbname="T")

    assert [one["dbname"] for one in asked] == ["T"]
    assert "client_connection_check_interval" in asked[0]["options"]


class ModelOfTheProject:
    """Stands for dbt's adapter, which holds the manifest; in a circle, as that does."""

    def __init__(self):
        self.itself = self

    def cleanup_connections(self):
        """dbt asks this of an adapter before it lets go."""


def test_the_model_of_the_project_is_gone_after_the_build(monkeypatch):
    from dbt.adapters.factory import FACTORY

    monkeypatch.setattr(FACTORY, "adapters", {"postgres": ModelOfTheProject()})
    kept = weakref.ref(FACTORY.adapters["postgres"])

    with project_forgotten():
        assert kept() is not None

    assert kept() is None


def a_loader(**place):
    """Stands for dbt's reader of the project, set to a warehouse."""
    from dbt.adapters.postgres import PostgresCredentials

    where = {"host": "T", "port": 5432, "user": "T", "database": "one", "schema": "T"}
    credentials = PostgresCredentials(password="T", **(where | place))
    return SimpleNamespace(root_project=SimpleNamespace(credentials=credentials))


@pytest.mark.parametrize(
    ("place", "is_the_same"),
    [
        ({"database": "other", "host": "there", "port": 1, "user": "U"}, True),
        ({"role": "another"}, False),
        ({"schema": "another"}, False),
    ],
)
def test_another_place_is_no_reason_to_read_the_project_anew(monkeypatch, place, is_the_same):
    from dbt.parser.manifest import ManifestLoader

    monkeypatch.setattr(
        ManifestLoader, "build_manifest_state_check", lambda self: SimpleNamespace()
    )
    with read_for_any_database():
        check = ManifestLoader.build_manifest_state_check
        was, now = (check(loader).profile_hash for loader in (a_loader(), a_loader(**place)))

    assert (was == now) is is_the_same


def test_what_was_read_names_the_database_of_now(monkeypatch):
    from dbt.parser.manifest import ManifestLoader

    monkeypatch.setattr(ManifestLoader, "is_partial_parsable", lambda self, manifest: (True, None))
    names = ('"one"."one"."days"', None)
    nodes, sources = (
        {name: SimpleNamespace(database="one", relation_name=name) for name in names}
        for _ in range(2)
    )
    read = SimpleNamespace(nodes=nodes, sources=sources)

    with read_for_any_database():
        answer = ManifestLoader.is_partial_parsable(a_loader(database="other"), read)

    assert answer == (True, None)
    for one in (*nodes.values(), *sources.values()):
        assert one.database == "other"
        assert one.relation_name in ('"other"."one"."days"', None)
