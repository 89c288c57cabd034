"""Raw SQL against the archive, and what must be true of a review whatever anybody did."""

from django.db import DatabaseError, connection, transaction

from accounts.models import User
from postmortem import document, revisions
from postmortem.models import Review
from remediation import plan

_STEPS = "(SELECT id FROM postmortem_reviewstep WHERE review_id = %(review)s)"
_INCIDENTS = "(SELECT id FROM postmortem_incident WHERE review_id = %(review)s)"
_PEOPLE = f"(SELECT id FROM postmortem_participant WHERE incident_id IN {_INCIDENTS})"

ARCHIVE = (
    "UPDATE postmortem_review SET archived_at = now(), archived_by_id = %(person)s, content_hash = 'x',"
    " first_archived_at = coalesce(first_archived_at, now()) WHERE id = %(review)s"
)
KEEP = (
    "INSERT INTO postmortem_revision (review_id, number, content_json, content_hash, archived_at,"
    " archived_by_id) SELECT %(review)s, 1 + count(*), '{}', 'x', now(), %(person)s"
    " FROM postmortem_revision WHERE review_id = %(review)s"
)

# What an archived review must refuse, and an open one may take.
STATEMENTS = [
    ARCHIVE,
    KEEP,
    (
        "UPDATE postmortem_review SET archived_at = NULL, archived_by_id = NULL, content_hash = ''"
        " WHERE id = %(review)s"
    ),
    (
        "INSERT INTO postmortem_reopening (revision_id, reason, reopened_at, reopened_by_id)"
        " SELECT id, 'x', now(), %(person)s FROM postmortem_revision WHERE review_id = %(review)s"
    ),
    "UPDATE postmortem_revision SET content_json = '{}' WHERE review_id = %(review)s",
    "DELETE FROM postmortem_reopening",
    (
        "UPDATE postmortem_reviewstep SET finding = 'x' || finding, is_stale = NOT is_stale"
        " WHERE review_id = %(review)s AND signed_at IS NOT NULL"
    ),
    (
        "UPDATE postmortem_reviewstep SET signed_at = NULL, signed_by_id = NULL"
        " WHERE review_id = %(review)s AND position = 2"
    ),
    "DELETE FROM postmortem_checklistentry WHERE review_id = %(review)s",
    "UPDATE postmortem_rootcause SET state = 'hypothesis' WHERE review_id = %(review)s",
    "UPDATE postmortem_rootcause SET is_primary = false WHERE review_id = %(review)s",
    "UPDATE postmortem_review SET went_badly = 'By hand.' WHERE id = %(review)s",
    "UPDATE postmortem_review SET owner_id = facilitator_id WHERE id = %(review)s",
    f"UPDATE postmortem_timeline SET filed_at = NULL WHERE participant_id IN {_PEOPLE}",
    f"UPDATE postmortem_incident SET impact_minutes = 1 WHERE id IN {_INCIDENTS}",
    (
        "INSERT INTO postmortem_review_teams_present (review_id, team_id)"
        " SELECT %(review)s, id FROM accounts_team ORDER BY id LIMIT 1"
    ),
    "DELETE FROM postmortem_review_teams_present WHERE review_id = %(review)s",
    f"DELETE FROM postmortem_evidencefile WHERE step_id IN {_STEPS}",
    "UPDATE postmortem_lessonpoint SET text = 'x' WHERE review_id = %(review)s",
    (
        "UPDATE postmortem_lessonpoint SET declined_because = '', declined_by_id = NULL, declined_at = NULL"
        " WHERE review_id = %(review)s"
    ),
    (
        "DELETE FROM remediation_remediationitem_causes WHERE rootcause_id IN"
        " (SELECT id FROM postmortem_rootcause WHERE review_id = %(review)s)"
    ),
    (
        "DELETE FROM remediation_remediationitem_lessons WHERE lessonpoint_id IN"
        " (SELECT id FROM postmortem_lessonpoint WHERE review_id = %(review)s)"
    ),
]


def run(statements: list[str], review: Review, person: User) -> bool:
    """Whether the database takes the statements, all in one transaction, and what is deferred as well."""
    values = {"review": review.pk, "person": person.pk}
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement, values)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except DatabaseError:
        return False
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    return True


def archives(review: Review, person: User) -> bool:
    """Whether the archive can be written by hand, revision and all; nothing of it stays."""
    is_taken = False
    with transaction.atomic():
        is_taken = run([KEEP, ARCHIVE], review, person)
        transaction.set_rollback(True)
    # PostgreSQL gives back, with the savepoint, what the savepoint inside it had set: immediate.
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    return is_taken


def assert_lawful(review: Review) -> None:
    """A review is archived exactly while a revision stands, and then it lacks nothing and says the same."""
    review = Review.objects.get(pk=review.pk)
    assert review.is_archived == (revisions.standing(review) is not None)
    kept = list(review.revisions.order_by("number"))
    assert [revision.number for revision in kept] == list(range(1, len(kept) + 1))
    assert all(hasattr(revision, "reopening") for revision in kept[:-1])
    if not review.is_archived:
        return
    assert review.opened_at is not None
    assert [step.is_signed for step in review.steps.all()] == [True] * 4
    people = [one for incident in review.incidents.all() for one in incident.participants.all()]
    assert all(participant.timeline.is_settled for participant in people)
    assert review.causes.filter(is_primary=True, state="verified").count() == 1
    assert review.checklist.exists()
    assert not review.causes.filter(state="verified", items=None).exists()
    assert not review.lesson_points.filter(items=None, declined_because="").exists()
    assert plan.gaps(review) == []
    assert review.content_hash == kept[-1].content_hash == document.content_hash(review)
