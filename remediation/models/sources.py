"""Data sources: the servers that checks ask."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.encryption import SecretField
from postmortem.models import recorded

MAX_CREDENTIAL = 4000
MAX_CERTIFICATES = 64 * 1024


class DataSource(models.Model):
    """A Prometheus server that checks may query; an administrator names it, items refer to it by id."""

    class Auth(models.TextChoices):
        NONE = "none", _("none")
        BEARER = "bearer", _("bearer token")
        BASIC = "basic", _("user and password")

    name = models.CharField(_("name"), max_length=80, unique=True)
    # Not a URLField: its validator refuses hosts without a dot, such as http://prometheus:9090.
    base_url = models.CharField(_("address"), max_length=500)
    is_enabled = models.BooleanField(_("in use"), default=True)
    auth = models.CharField(_("sign in with"), max_length=8, choices=Auth, default=Auth.NONE)
    username = models.CharField(_("user"), max_length=200, blank=True)
    credential = SecretField(_("token or password"))
    is_tls_verified = models.BooleanField(_("check the server's certificate"), default=True)
    ca_certificates = models.TextField(_("certificates to trust"), blank=True, max_length=MAX_CERTIFICATES)
    # Where its name may lead; empty: anywhere that is not forbidden to all.
    networks = ArrayField(
        models.CharField(max_length=50), verbose_name=_("networks"), default=list, blank=True
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(
                condition=Q(auth="none", credential="", username="")
                | Q(auth="bearer", username="") & ~Q(credential="")
                | Q(auth="basic") & ~Q(credential="") & ~Q(username=""),
                name="source_signs_in_with_what_it_needs",
            ),
            models.CheckConstraint(
                condition=Q(auth__in=["none", "bearer", "basic"]), name="source_auth_is_known"
            ),
        )
        triggers = (*recorded(hidden=["credential"]),)

    def __str__(self) -> str:
        return self.name
