"""How the embedded server is made."""

from lib.warehouse_in_tests import query
from wraparound.warehouse import connection as connections


def test_text_sorts_by_its_bytes_without_the_c_library(settings):
    (made,) = query(
        settings,
        "select datlocprovider::text as provider, datlocale as locale from pg_database"
        " where datname = current_database()",
    )
    (said,) = query(
        settings,
        "select string_agg(word, ' ' order by word) as sorted, lower('ÁÑ') as lower"
        " from unnest(array['b', 'Á', 'a', 'B', '🌱', 'A', 'ñ', 'é']) as word",
    )

    assert made == {"provider": "b", "locale": "C.UTF-8"}
    assert said == {"sorted": "A B a b Á é ñ 🌱", "lower": "áñ"}


def test_a_time_without_a_zone_means_the_same_wherever_the_server_stands(settings, connection):
    name = connections.address(settings).database
    connection.execute(f"alter database {name} set timezone to 'America/New_York'")
    connection.commit()
    (read,) = query(settings, "select '2026-03-13 12:00'::timestamptz as moment")
    assert read["moment"].isoformat() == "2026-03-13T12:00:00+00:00"
