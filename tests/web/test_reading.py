"""Reading renders no Markdown (G13): pages serve what was stored when it was written."""

import pytest

from postmortem import markup
from postmortem.models import Incident, Review, ReviewStep, RootCause
from tests import factories

pytestmark = pytest.mark.django_db

TEXT = "*what was written*"
# Stamped as the HTML of TEXT, yet another: whoever rendered on reading would not show it.
KEPT = markup.stored(TEXT).replace("what was written", "from the store")


@pytest.fixture
def told(client):
    client.force_login(factories.user())
    incident = factories.resolved_incident()
    review = factories.complete_review(incidents=[incident])
    Incident.objects.update(summary=TEXT, summary_html=KEPT)
    Review.objects.update(
        went_well=TEXT, went_well_html=KEPT, went_badly=TEXT, went_badly_html=KEPT, luck=TEXT, luck_html=KEPT
    )
    ReviewStep.objects.update(finding=TEXT, finding_html=KEPT, evidence=TEXT, evidence_html=KEPT)
    RootCause.objects.update(evidence=TEXT, evidence_html=KEPT)
    return incident, review


@pytest.mark.parametrize(
    ("path", "texts"),
    [
        ("/incidents/{incident}/", 1),  # the summary
        ("/reviews/{review}/", 12),  # four steps' findings and evidence, one cause, three lessons
        ("/reviews/{review}/document", 13),
    ],
)
def test_pages_show_the_stored_html(client, told, path, texts):
    incident, review = told

    page = client.get(path.format(incident=incident, review=review)).content.decode()

    assert page.count("<em>from the store</em>") == texts
    assert "<em>what was written</em>" not in page


def test_a_text_changed_by_a_statement_is_shown_escaped_as_it_stands(client, told):
    incident, _review = told
    Incident.objects.update(summary="<b>raw</b> *text*")

    page = client.get(f"/incidents/{incident}/").content.decode()

    assert "<p>&lt;b&gt;raw&lt;/b&gt; *text*</p>" in page
    assert "from the store" not in page
