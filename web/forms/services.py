"""The form of a service."""

from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from governance.policy import names as spelling
from postmortem.models import Service

MOST_REPOSITORIES = 50


class ServiceForm(forms.ModelForm):
    """The deployable unit that CI names; its slug is its name for ever."""

    repositories = forms.CharField(
        label=_("Repositories"),
        required=False,
        max_length=12_000,
        widget=forms.Textarea(attrs={"rows": 3, "class": "code", "spellcheck": "false"}),
        help_text=_("One a line, as CI names them: for example “shop/order”."),
    )

    class Meta:
        model = Service
        fields = ("slug", "name", "team", "tier", "repositories")
        error_messages: ClassVar = {"slug": {"unique": _("There is a service of this name already.")}}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["team"].empty_label = _("Choose…")
        self.initial["repositories"] = "\n".join(self.instance.repositories)
        if self.instance.pk:
            # Incidents, verdicts and pipelines are keyed by it.
            del self.fields["slug"]

    def clean_repositories(self) -> list[str]:
        names = list(
            dict.fromkeys(
                line.strip() for line in self.cleaned_data["repositories"].splitlines() if line.strip()
            )
        )
        if len(names) > MOST_REPOSITORIES:
            raise forms.ValidationError(_("At most %(count)d repositories.") % {"count": MOST_REPOSITORIES})
        if any(len(name) > 200 for name in names):
            raise forms.ValidationError(_("A repository's name has at most 200 characters."))
        for name in names:
            if fault := spelling.fault_of_repository(name):
                raise forms.ValidationError(f"{name}: {gettext(fault)}")
        return names
