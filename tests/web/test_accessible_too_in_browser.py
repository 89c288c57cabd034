"""The second half of all pages as axe sees them; see test_accessible_in_browser.py."""

import pytest

from tests.web import axe

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("word", axe.halves()[1])
def test_every_page_is_accessible_in_both_themes(open_page, live_server, client, word):
    problems = axe.problems(word, open_page(), live_server.url, client)

    assert not problems, "\n".join(problems)
