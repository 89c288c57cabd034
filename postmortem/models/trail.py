"""What every table shares: the trail of changes, public ids, bounds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pgtrigger
from django.contrib.postgres.indexes import BrinIndex
from django.db import models

from accounts.models import User

MAX_TEXT = 64 * 1024


# Moments outside these bounds are typing errors, and some libraries cannot carry them.
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


def recorded(
    *, only: list[str] | None = None, hidden: Sequence[str] = (), kept: list[str] | None = None
) -> list[pgtrigger.Trigger]:
    """Triggers that write a `TrailEntry` for each insert, update and delete of a table's rows.

    They run in the database, so bulk and raw statements are recorded like any other. `only`: columns
    whose change is recorded; None means all. `hidden`: columns that hold secrets: that they changed is
    recorded, what they held is not, encrypted or not. `kept`: columns that are recorded at all, for rows
    that say more of a person than who they are and what they may; None means the whole row.
    """
    only = only or kept
    function = _hiding(hidden) if hidden else _TRAIL_FUNCTION
    update = pgtrigger.UpdateOf(*only) if only else pgtrigger.Update  # type: ignore[no-untyped-call]
    operation = pgtrigger.Insert | update | pgtrigger.Delete
    return [
        pgtrigger.Trigger(
            name="trail",
            operation=operation,
            when=pgtrigger.After,
            func=_keeping(kept, function) if kept else function,
        )
    ]


def append_only() -> list[pgtrigger.Trigger]:
    """Triggers that refuse UPDATE, DELETE and TRUNCATE of a table, whoever asks."""
    return [
        pgtrigger.Protect(name="append_only", operation=pgtrigger.Update | pgtrigger.Delete),
        never_truncated(),
    ]


def never_truncated() -> pgtrigger.Trigger:
    """A trigger that refuses TRUNCATE, which row triggers do not see."""
    return pgtrigger.Trigger(
        name="no_truncate",
        operation=pgtrigger.Truncate,
        when=pgtrigger.Before,
        level=pgtrigger.Statement,
        func="RAISE EXCEPTION 'pgtrigger: Cannot truncate rows from % table', TG_TABLE_NAME;",
    )


# Who acts comes from `trail.act`; a statement from elsewhere is recorded with no actor.
_TRAIL_FUNCTION = """
    INSERT INTO postmortem_trailentry (at, actor_id, act, model, object_id, operation, before, after)
    SELECT
        clock_timestamp(),
        NULLIF(current_setting('closeloop.actor', true), '')::bigint,
        COALESCE(current_setting('closeloop.act', true), ''),
        TG_TABLE_NAME,
        CASE WHEN TG_OP = 'DELETE' THEN OLD.id ELSE NEW.id END,
        lower(TG_OP),
        CASE
            WHEN TG_OP = 'INSERT' THEN NULL
            WHEN TG_OP = 'DELETE' THEN to_jsonb(OLD)
            ELSE (
                SELECT jsonb_object_agg(o.key, o.value) FROM jsonb_each(to_jsonb(OLD)) o
                WHERE o.value IS DISTINCT FROM to_jsonb(NEW) -> o.key
            )
        END,
        CASE
            WHEN TG_OP = 'DELETE' THEN NULL
            WHEN TG_OP = 'INSERT' THEN to_jsonb(NEW)
            ELSE (
                SELECT jsonb_object_agg(n.key, n.value) FROM jsonb_each(to_jsonb(NEW)) n
                WHERE n.value IS DISTINCT FROM to_jsonb(OLD) -> n.key
            )
        END
    WHERE TG_OP <> 'UPDATE' OR NEW IS DISTINCT FROM OLD;
    RETURN NULL;
"""


def _hiding(columns: Sequence[str]) -> str:
    """The function with "hidden" in place of what these columns hold, where they hold anything."""
    names = ", ".join(f"'{column}'" for column in columns)
    shown = "CASE WHEN {0}.key IN (" + names + ") AND {0}.value NOT IN ('\"\"', 'null')"
    shown += " THEN '\"hidden\"'::jsonb ELSE {0}.value END"
    whole = "(SELECT jsonb_object_agg(w.key, " + shown.format("w") + ") FROM jsonb_each(to_jsonb({0})) w)"
    function = _TRAIL_FUNCTION.replace("THEN to_jsonb(OLD)", f"THEN {whole.format('OLD')}")
    function = function.replace("THEN to_jsonb(NEW)", f"THEN {whole.format('NEW')}")
    for side in ("o", "n"):
        function = function.replace(f"({side}.key, {side}.value)", f"({side}.key, {shown.format(side)})")
    return function


def _keeping(columns: Sequence[str], function: str) -> str:
    """The function as if a row had these columns only."""
    names = ", ".join(f"'{column}'" for column in columns)
    part = "(SELECT jsonb_object_agg(k.key, k.value) FROM jsonb_each(to_jsonb({0})) k"
    part += f" WHERE k.key IN ({names}))"
    function = function.replace("NEW IS DISTINCT FROM OLD", "to_jsonb(NEW) IS DISTINCT FROM to_jsonb(OLD)")
    for row in ("OLD", "NEW"):
        function = function.replace(f"to_jsonb({row})", part.format(row))
    return function


class TrailEntry(models.Model):
    """One row that changed: before, after, who and in which act. Written by triggers, never edited."""

    at = models.DateTimeField()
    actor = models.ForeignKey(User, models.DO_NOTHING, null=True, db_constraint=False, related_name="+")
    act = models.CharField(max_length=64)
    model = models.CharField(max_length=64)
    object_id = models.BigIntegerField()
    operation = models.CharField(max_length=8)
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)

    class Meta:
        ordering = ("-id",)
        verbose_name_plural = "trail entries"
        indexes = (
            models.Index(fields=["model", "object_id", "-id"], name="trail_by_object"),
            # Rows come in the order of their moments, so a few pages of it tell what was edited since.
            BrinIndex(fields=["at"], name="trail_by_moment", autosummarize=True),
        )
        triggers = (*append_only(),)

    def __str__(self) -> str:
        return f"{self.operation} {self.model} {self.object_id}"


class PublicIdCounter(models.Model):
    """The last number given out for a prefix in a year; ids are never reused."""

    prefix = models.CharField(max_length=4)
    year = models.PositiveSmallIntegerField()
    last = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["prefix", "year"], name="public_id_counter_is_unique"),
        )

    def __str__(self) -> str:
        return f"{self.prefix}-{self.year}-{self.last:04d}"
