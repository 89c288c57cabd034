"""People, as far as an answer for a past day must know them."""

from __future__ import annotations

import pgtrigger

from accounts.models import User


class Person(User):
    """Adds to the trail when somebody was deactivated or given another role.

    Answers for a past day need the first: an item whose owner left today had an owner yesterday. The row of a
    person also holds a password hash, so this trigger records two columns and never the row.
    """

    class Meta:
        proxy = True
        triggers = (
            pgtrigger.Trigger(
                name="trail",
                operation=pgtrigger.UpdateOf("is_active", "role"),  # type: ignore[no-untyped-call]
                when=pgtrigger.After,
                condition=pgtrigger.AnyChange("is_active", "role"),
                func="""
                    INSERT INTO postmortem_trailentry
                        (at, actor_id, act, model, object_id, operation, before, after)
                    VALUES (
                        clock_timestamp(),
                        NULLIF(current_setting('closeloop.actor', true), '')::bigint,
                        COALESCE(current_setting('closeloop.act', true), ''),
                        TG_TABLE_NAME,
                        NEW.id,
                        'update',
                        jsonb_build_object('is_active', OLD.is_active, 'role', OLD.role),
                        jsonb_build_object('is_active', NEW.is_active, 'role', NEW.role)
                    );
                    RETURN NULL;
                """,
            ),
        )
