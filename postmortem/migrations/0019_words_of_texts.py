"""The words of a text, for indexes: postmortem/searching.py says how and why."""

from django.db import migrations

_UNSPACED = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
# Letters and digits; everything else parts words. Most texts are ASCII, which needs neither NFKC nor pairs.
_KEPT = r"0-9a-z\u00c0-\u1fff\u2c00-\u2fef\u3040-\u318f\u31f0-\ud7ff\uf900-\ufdff\U00010000-\U0010ffff"
# Of each run every pair: those at even places, then those at odd ones, which begin behind the first character.
# The second part leaves everything else out, for the first has it. A last character without a partner stays
# alone, so that each is the beginning of something.
_FUNCTION = rf"""
CREATE FUNCTION closeloop_words(text, text DEFAULT '', text DEFAULT '', text DEFAULT '', text DEFAULT '')
RETURNS tsvector LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 2000 AS $$
DECLARE
    plain text := lower(left(concat_ws(' ', $1, $2, $3, $4, $5), 140000));
    pair CONSTANT text := '([{_UNSPACED}][{_UNSPACED}]?)';
BEGIN
    IF octet_length(plain) = length(plain) THEN
        RETURN to_tsvector('pg_catalog.simple', regexp_replace(plain, '[^0-9a-z]+', ' ', 'g'));
    END IF;
    plain := regexp_replace(lower(normalize(plain, NFKC)), '[^{_KEPT}]+', ' ', 'g');
    IF plain !~ '[{_UNSPACED}]' THEN
        RETURN to_tsvector('pg_catalog.simple', plain);
    END IF;
    RETURN to_tsvector('pg_catalog.simple', regexp_replace(plain, pair, ' \1 ', 'g') || ' ' || regexp_replace(
        regexp_replace(regexp_replace(plain, '[^{_UNSPACED}]+', ' ', 'g'), '(^| )[{_UNSPACED}]', ' ', 'g'),
        pair, ' \1 ', 'g'
    ));
END
$$;
"""
_GONE = "DROP FUNCTION closeloop_words(text, text, text, text, text)"


class Migration(migrations.Migration):
    dependencies = [("postmortem", "0018_reminders")]
    operations = [migrations.RunSQL(_FUNCTION, _GONE)]
