"""What our renderer of forms writes is what Django's would."""

import pytest
from django import forms
from django.forms.renderers import DjangoTemplates
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy

from web.forms.rendering import Renderer


class Form(forms.Form):
    plain = forms.ChoiceField(choices=[("", "None"), ("a", "A & <b>"), ('"', gettext_lazy("Severity"))])
    safe = forms.ChoiceField(choices=[(1, mark_safe("<i>one</i>")), (2, "two")])
    groups = forms.ChoiceField(choices=[("g & h", [("a", "A"), ("b", "B")]), ("c", "C")], required=False)
    many = forms.MultipleChoiceField(choices=[("a", "A"), ("b", "B"), ("c", "C")])
    known = forms.TypedChoiceField(
        choices=[(True, "yes"), (False, "no")], widget=forms.Select(attrs={"data-x": '"<', "disabled": True})
    )
    maybe = forms.NullBooleanField()
    text = forms.CharField()


@pytest.mark.parametrize(
    "data",
    [
        None,
        {"plain": '"', "safe": "2", "groups": "b", "many": ["a", "c"], "known": "False", "maybe": "true"},
        {"plain": "<script>", "safe": "", "groups": "nonsense", "many": ["z"], "text": "&"},
    ],
)
@pytest.mark.parametrize("field", Form.base_fields)
def test_each_field_is_the_same(data, field):
    ours, theirs = (str(Form(data, renderer=renderer)[field]) for renderer in (Renderer(), DjangoTemplates()))

    assert ours == theirs
