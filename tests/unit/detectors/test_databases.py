"""Hyperscan databases and their cache."""

import pytest

from extproc.detectors.databases import Expression, compile_database, use_cache
from tests.compiled import keep_databases

EXPRESSIONS = [Expression(7, b"ab+"), Expression(8, b"cd")]


class Memory:
    """A cache in memory."""

    def __init__(self):
        self.stored = {}

    def load(self, key):
        return self.stored.get(key)

    def store(self, key, database):
        self.stored[key] = database


@pytest.fixture
def cache():
    memory = Memory()
    use_cache(memory)
    yield memory
    keep_databases()


def numbers(database):
    found = []
    database.scan(b"abb cd", match_event_handler=lambda number, *_: found.append(number))
    return sorted(set(found))


def test_a_database_comes_out_of_the_cache_as_it_went_in(cache):
    assert numbers(compile_database(EXPRESSIONS)) == [7, 8]
    assert numbers(compile_database(EXPRESSIONS)) == [7, 8]
    compile_database(EXPRESSIONS[:1])
    both, one = cache.stored
    cache.stored[both] = cache.stored[one]
    assert numbers(compile_database(EXPRESSIONS)) == [7]


def test_the_key_names_all_of_an_expression(cache):
    for changed in (Expression(9, b"cd"), Expression(8, b"ce"), Expression(8, b"cd", 1)):
        compile_database([EXPRESSIONS[0], changed])
    assert len(cache.stored) == 3


def test_without_a_cache_it_is_compiled(cache):
    use_cache(None)
    assert numbers(compile_database(EXPRESSIONS)) == [7, 8]
    assert cache.stored == {}


def test_there_is_no_database_of_nothing(cache):
    assert compile_database([]) is None
