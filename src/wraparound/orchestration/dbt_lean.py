"""dbt without what nobody needs: new connections, debug events, macros looked up one by one,
the same text compiled again, most looks for cycles, idle threads, its model of the project when
the build is done, a project read anew because the database has another name, rows in errors."""

import gc
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from wraparound.errors import may_pass
from wraparound.warehouse.connection import SESSION

# Where a warehouse is.
PLACE = frozenset({"host", "port", "user", "database"})
# New objects between two looks for cycles: some hundred steps leave as many behind, 30 MB.
SELDOM = 100_000
# SQLSTATE classes whose messages quote names and SQL: a fault of the text or of a name in it,
# what the server lacks, and that it is busy, full or stopped.
OF_THE_SQL = ("08", "0A", "3D", "3F", "42", "53", "55", "57")


@contextmanager
def lean(*, threads: int) -> Iterator["Driver"]:
    """While inside, dbt leaves out what a build needs none of; gives what it talks to the server
    by."""
    with (
        project_forgotten(),
        kept_connections() as driver,
        debug_left_unsaid(),
        macros_bound_at_once(),
        templates_compiled_once(),
        collector_at_ease(),
        longest_way_first(threads=threads),
    ):
        yield driver


class Driver:
    """psycopg2 as dbt's adapter sees it, except that a thread gets its connection again.

    `troubles` are the SQLSTATEs, where there were any, of what the server and not a model failed
    by: it was away, full or locked. dbt tells them as failures of its steps.
    """

    def __init__(self, driver: Any) -> None:
        self._driver = driver
        self._own = threading.local()
        self._opened: list[Any] = []
        self.troubles: list[str | None] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._driver, name)

    def connect(self, **where: Any) -> Any:
        """This thread's connection; a new one where there is none or it broke."""
        known = getattr(self._own, "connection", None)
        if known is not None and not known.closed:
            return known

        base: Any = self._driver.extensions.connection

        class Kept(base):  # type: ignore[misc]
            """A connection that dbt cannot close: what it left open is rolled back."""

            def close(self) -> None:
                if not self.closed:
                    self.rollback()

        with self._noting_troubles():
            self._own.connection = self._driver.connect(
                connection_factory=Kept,
                cursor_factory=self._cursor(),
                options=SESSION,
                **where,
            )
        self._opened.append(self._own.connection)
        return self._own.connection

    def _cursor(self) -> Any:
        base: Any = self._driver.extensions.cursor
        noting = self._noting_troubles

        class Noting(base):  # type: ignore[misc]
            """A cursor that notes what the server fails by."""

            def execute(self, *words: Any, **named: Any) -> Any:
                with noting():
                    return super().execute(*words, **named)

        return Noting

    @contextmanager
    def _noting_troubles(self) -> Iterator[None]:
        try:
            yield
        except self._driver.DatabaseError as error:
            if may_pass(error.pgcode):
                self.troubles.append(error.pgcode)
            raise

    def close_all(self) -> None:
        """End every connection that was opened."""
        for connection in self._opened:
            self._driver.extensions.connection.close(connection)


@contextmanager
def kept_connections() -> Iterator[Driver]:
    """While inside, dbt's threads keep their connections; gives the driver that keeps them.

    A new connection begins with empty caches of the catalog: with some hundred steps of a few
    milliseconds each, filling them was a third of the server's processor time.
    """
    from dbt.adapters.postgres import connections

    driver = Driver(connections.psycopg2)
    connections.psycopg2 = driver
    try:
        yield driver
    finally:
        connections.psycopg2 = driver._driver
        driver.close_all()


@contextmanager
def debug_left_unsaid() -> Iterator[None]:
    """While inside, dbt's debug events go nowhere, and most are not even made.

    Each of its steps tells some twenty of them, and dbt checks, words, scrubs and stamps each one
    before it asks whether a log wants it: more than an eighth of a night's processor time in dbt.
    """
    from dbt_common.events import event_manager_client
    from dbt_common.events.base_types import BaseEvent, DebugLevel, EventLevel
    from dbt_common.events.event_manager import EventManager

    class Terse(EventManager):
        """Tells everything from information upwards."""

        def fire_event(
            self, e: BaseEvent, level: EventLevel | None = None, *others: Any, **words: Any
        ) -> None:
            unsaid = (EventLevel.DEBUG, EventLevel.TEST)
            if not isinstance(e, DebugLevel) and (level or e.level_tag()) not in unsaid:
                super().fire_event(e, level, *others, **words)

    def unmade(event: DebugLevel, **words: Any) -> None:
        """Leave the event empty: nobody is going to read it."""

    former = event_manager_client.get_event_manager()
    event_manager_client.ctx_set_event_manager(Terse())
    detail: Any = DebugLevel
    detail.__init__ = unmade
    try:
        yield
    finally:
        del detail.__init__
        event_manager_client.ctx_set_event_manager(former)


def _bind(builder: Any, packages: dict[str, dict[str, Any]], context: Any) -> None:
    """Bind each package's macros to a step, and file the packages where dbt's builder does."""
    from dbt.clients.jinja import MacroGenerator

    for package, macros in packages.items():
        bound = {
            name: MacroGenerator(macro, context, builder.node, builder.thread_ctx)
            for name, macro in macros.items()
        }
        if package in builder.internal_package_names:
            builder.internal_packages[package] = bound
            continue
        builder.packages[package] = bound
        if package == builder.search_package:
            builder.locals = bound
        elif package == builder.root_package:
            builder.globals = bound


@contextmanager
def macros_bound_at_once() -> Iterator[None]:
    """While inside, dbt binds the macros of a package to a step in one go.

    Each step gets all five hundred of them, twice. dbt files each one by itself, and then looks
    for each name in up to five places: two million looks in a night of few rows.
    """
    from dbt.context.configured import ConfiguredContext
    from dbt.context.macro_resolver import TestMacroNamespace
    from dbt.context.macros import MacroNamespaceBuilder
    from dbt.context.manifest import ManifestContext

    build, flatten = MacroNamespaceBuilder.build_namespace, ManifestContext.to_dict

    def built(builder: Any, packages: dict[str, dict[str, Any]], context: Any) -> Any:
        _bind(builder, packages, context)
        return build(builder, {}, context)

    def flattened(context: Any) -> dict[str, Any]:
        if isinstance(context.namespace, TestMacroNamespace):
            return flatten(context)  # type: ignore[no-any-return]
        names: dict[str, Any] = ConfiguredContext.to_dict(context)
        for place in reversed(tuple(context.namespace._search_order())):
            names.update(place)
        return names

    MacroNamespaceBuilder.build_namespace, ManifestContext.to_dict = built, flattened
    try:
        yield
    finally:
        MacroNamespaceBuilder.build_namespace, ManifestContext.to_dict = build, flatten


@contextmanager
def templates_compiled_once() -> Iterator[None]:
    """While inside, dbt compiles a text once: hooks and tests say the same for each table.

    Two in five of its templates it has compiled before.
    """
    from dbt_common.clients.jinja import MacroFuzzEnvironment

    kind: Any = MacroFuzzEnvironment
    # What is read as values compiles to other code than what is read as text.
    known: dict[tuple[type, str], Any] = {}

    def compiled(environment: Any, source: str, *others: Any, **words: Any) -> Any:
        text = type(environment), source
        if text not in known:
            known[text] = super(kind, environment).compile(source, *others, **words)
        return known[text]

    kind.compile = compiled
    try:
        yield
    finally:
        del kind.compile


@contextmanager
def steps_unwritten() -> Iterator[None]:
    """While inside, dbt keeps no files of what its steps ask: those of the last whole build say
    the same of any day, and six hundred were a tenth of its processor time."""
    from dbt.contracts.graph.nodes import ParsedNode

    kind: Any = ParsedNode
    write = kind.write_node

    def unwritten(node: Any, *where: Any, **words: Any) -> None:
        """Leave the file of the last whole build alone."""

    kind.write_node = unwritten
    try:
        yield
    finally:
        kind.write_node = write


@contextmanager
def collector_at_ease() -> Iterator[None]:
    """While inside, Python looks for cycles seldom: dbt's model of the project is a big one that
    lives as long as the build, and most looks would go through it in vain. Without any look, what
    each step leaves behind in cycles is as much again."""
    often = gc.get_threshold()
    gc.set_threshold(SELDOM, *often[1:])
    try:
        yield
    finally:
        gc.set_threshold(*often)


@contextmanager
def longest_way_first(*, threads: int) -> Iterator[None]:
    """While inside, a thread that is free takes the ready step with the longest way after it.

    dbt hands out each step as soon as it is ready, and levels by what stands before. So the long
    way, from attendance by signals and needs to the queue, waits behind tables that nothing waits
    for, and at the end goes alone: a seventh of both threads' time was idle.
    """
    from dbt.graph.queue import GraphQueue

    level, take = GraphQueue._get_scores, GraphQueue.get

    def level_from_the_end(queue: GraphQueue, graph: Any) -> dict[str, int]:
        return {step: -far for step, far in level(queue, graph.reverse()).items()}

    def take_for_a_free_thread(queue: GraphQueue, *where: Any, **words: Any) -> Any:
        with queue.lock:
            queue.some_task_done.wait_for(lambda: len(queue.in_progress) < threads)
        return take(queue, *where, **words)

    GraphQueue._get_scores, GraphQueue.get = level_from_the_end, take_for_a_free_thread
    try:
        yield
    finally:
        GraphQueue._get_scores, GraphQueue.get = level, take


@contextmanager
def project_forgotten() -> Iterator[None]:
    """After this, dbt's model of the project is gone; its adapter would keep it until the
    process ends, and the gate, which comes next in a night, needs the room."""
    from dbt.adapters.factory import reset_adapters

    try:
        yield
    finally:
        reset_adapters()
        gc.collect()


@contextmanager
def read_for_any_database() -> Iterator[None]:
    """While inside, what dbt read of the project for one database serves it for another.

    All that differs is the name of the database before each relation's. By itself dbt reads the
    whole project anew, for a comparison's scratch database too: eight seconds of the processor.
    """
    from dbt.artifacts.resources import FileHash
    from dbt.parser.manifest import ManifestLoader

    loader: Any = ManifestLoader
    checked, parsable = loader.build_manifest_state_check, loader.is_partial_parsable

    def checked_but_for_the_place(self: Any) -> Any:
        state = checked(self)
        told = self.root_project.credentials.connection_info()
        rest = sorted((key, repr(value)) for key, value in told if key not in PLACE)
        state.profile_hash = FileHash.from_contents(repr(rest))
        return state

    def parsable_for_this_database(self: Any, manifest: Any) -> Any:
        database = self.root_project.credentials.database
        for one in (*manifest.nodes.values(), *manifest.sources.values()):
            if one.relation_name is not None:
                names = f'"{one.database}".', f'"{database}".'
                one.relation_name = one.relation_name.replace(*names, 1)
            one.database = database
        return parsable(self, manifest)

    loader.build_manifest_state_check = checked_but_for_the_place
    loader.is_partial_parsable = parsable_for_this_database
    try:
        yield
    finally:
        loader.build_manifest_state_check, loader.is_partial_parsable = checked, parsable


@contextmanager
def errors_without_rows() -> Iterator[None]:
    """While inside, what dbt writes of an error of the server quotes no value of a row.

    Its log and its results hold the server's message, and that of a cast or of a key that is
    there twice ends in the value. Of such errors the kind, the place and the constraint are told.
    """
    from dbt.adapters.postgres import connections

    manager: Any = connections.PostgresConnectionManager
    handler = manager.exception_handler

    @contextmanager
    def discreet(self: Any, query: str) -> Iterator[None]:
        with handler(self, query):
            try:
                yield
            except connections.psycopg2.DatabaseError as error:
                raise type(error)(_without_rows(error)) from None

    manager.exception_handler = discreet
    try:
        yield
    finally:
        manager.exception_handler = handler


def _without_rows(error: Any) -> str:
    """Return what may be told of an error of the server: all of it where it speaks of the SQL."""
    if error.pgcode is None or error.pgcode.startswith(OF_THE_SQL):
        return str(error)
    diagnostics = error.diag
    told = (diagnostics.schema_name, diagnostics.table_name, diagnostics.constraint_name)
    place = ".".join(filter(None, told))
    return f"{type(error).__name__} (SQLSTATE {error.pgcode}){f' at {place}' if place else ''}"
