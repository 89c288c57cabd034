"""What a password must be."""

from django.contrib.auth.password_validation import MinimumLengthValidator
from django.utils.translation import ngettext


class LongEnoughValidator(MinimumLengthValidator):
    """Django's rule in words of our own: Django 5.2 changed its sentence, but not the translations of it."""

    def get_error_message(self) -> str:
        words = ngettext(
            "A password needs at least %(count)d character.",
            "A password needs at least %(count)d characters.",
            self.min_length,
        )
        return words % {"count": self.min_length}
