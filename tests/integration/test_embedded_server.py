"""How the embedded server is made."""

from lib.warehouse_in_tests import query


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
