"""The first half of all pages as axe sees them; the other is in a file of its own, for another process."""

import pytest

from tests.web import axe, places

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("word", axe.halves()[0])
def test_every_page_is_accessible_in_both_themes(open_page, live_server, client, word):
    problems = axe.problems(word, open_page(), live_server.url, client)

    assert not problems, "\n".join(problems)


def test_no_page_is_left_out():
    first, second = axe.halves()
    visited = [place for word in (*first, *second) for place in axe.by_first_word()[word]]

    assert sorted(visited, key=str) == sorted(places.pages(), key=str)
