"""Who people are. This package imports none of the others."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


def validate_time_zone(name: str) -> None:
    """Refuse what is not an IANA zone name."""
    if name not in available_timezones():
        raise ValidationError(_("“%(name)s” is not an IANA time zone."), params={"name": name})


def zone_of(name: str) -> ZoneInfo:
    """The zone of this name, or UTC when there is none any more."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        # A zone may vanish with a new zone database; what is written in it must not vanish with it.
        return ZoneInfo("UTC")


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Create a person; the address is stored in lower case, for it is the login."""
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> User:
        """Create an administrator who may also enter Django's admin."""
        fields = {"role": User.Role.ADMINISTRATOR, "is_staff": True, "is_superuser": True} | fields
        return self.create_user(email, password, **fields)

    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser, PermissionsMixin):
    """One person, known by e-mail address."""

    class Role(models.TextChoices):
        VIEWER = "viewer", _("Viewer")
        MEMBER = "member", _("Member")
        FACILITATOR = "facilitator", _("Facilitator")
        GOVERNOR = "governor", _("Governor")
        ADMINISTRATOR = "administrator", _("Administrator")

    class Theme(models.TextChoices):
        AUTO = "auto", _("As the system")
        LIGHT = "light", _("Light")
        DARK = "dark", _("Dark")

    # Each role may do what the ones before it may.
    RANK: ClassVar[list[str]] = ["viewer", "member", "facilitator", "governor", "administrator"]

    email = models.EmailField(_("e-mail address"), unique=True)
    name = models.CharField(pgettext_lazy("of a person", "name"), max_length=120)
    role = models.CharField(_("role"), max_length=16, choices=Role, default=Role.MEMBER)
    time_zone = models.CharField(
        _("time zone"), max_length=64, default="UTC", validators=[validate_time_zone]
    )
    language = models.CharField(
        _("language"), max_length=8, default="en", choices=[("en", "English"), ("zh-hans", "简体中文")]
    )
    theme = models.CharField(_("theme"), max_length=8, choices=Theme, default=Theme.AUTO)
    is_active = models.BooleanField(_("active"), default=True)
    is_staff = models.BooleanField(_("may enter the admin site"), default=False)
    # No person: it owns tokens and nothing else (accounts/service_accounts.py).
    is_service = models.BooleanField(_("service account"), default=False)
    joined_at = models.DateTimeField(default=timezone.now)

    objects = UserManager()

    EMAIL_FIELD = "email"
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        ordering = ("name", "email")
        constraints = (
            models.CheckConstraint(condition=Q(email=Lower("email")), name="user_email_is_lower_case"),
            models.CheckConstraint(
                condition=Q(role__in=["viewer", "member", "facilitator", "governor", "administrator"]),
                name="user_role_is_known",
            ),
            models.CheckConstraint(
                condition=Q(is_service=False)
                | Q(
                    is_staff=False,
                    is_superuser=False,
                    password__startswith="!",  # noqa: S106 - none
                    role__in=["viewer", "member"],
                ),
                name="service_account_is_nobody",
            ),
        )

    def __str__(self) -> str:
        return self.name or self.email

    @property
    def enters_admin_site(self) -> bool:
        """Whether the admin site lets this person in: administrators by their role, others where one said so.

        What they may do there each of its pages decides, by role.
        """
        return self.is_active and (self.is_staff or self.is_superuser or self.is_at_least("administrator"))

    def is_at_least(self, role: str) -> bool:
        """Whether this person's role includes what `role` may do; an inactive person's includes nothing."""
        return self.is_active and self.RANK.index(self.role) >= self.RANK.index(role)


class Team(models.Model):
    """People who own services together; its manager hears of what its members let slip."""

    slug = models.SlugField(_("slug"), unique=True)
    name = models.CharField(_("name"), max_length=120)
    manager = models.ForeignKey(
        User, models.PROTECT, null=True, blank=True, related_name="managed_teams", verbose_name=_("manager")
    )
    members: models.ManyToManyField[User, Membership] = models.ManyToManyField(
        User, through="Membership", related_name="teams"
    )

    class Meta:
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """One person in one team."""

    team = models.ForeignKey(Team, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")

    class Meta:
        constraints = (models.UniqueConstraint(fields=["team", "user"], name="membership_is_unique"),)

    def __str__(self) -> str:
        return f"{self.user} / {self.team}"


class NetworkField(models.CharField):  # type: ignore[type-arg]
    """A network such as 192.0.2.0/24; PostgreSQL refuses what is none."""

    def db_type(self, connection: Any) -> str:
        return "cidr"

    def from_db_value(self, value: object, _expression: object, _connection: object) -> str | None:
        return None if value is None else str(value)


class ApiToken(models.Model):
    """A secret that lets a program act for its owner within scopes and limits, until a moment.

    Only an HMAC of the secret is kept; the secret itself is shown once, by `tokens.issue` or `tokens.rotate`.
    """

    class Scope(models.TextChoices):
        READ = "read", _("Read incidents, postmortems, items and reports")
        WRITE = "write", _("Change what its owner may change")
        PROPOSE = "propose", _("File items proactively, and nothing else")
        KPI = "kpi", _("Push values of key figures, and nothing else")
        AUDIT = "audit", _("Ask for the standing of a service")
        GATE = "gate", _("Ask the merge gate about a change")
        TOKENS = "tokens", _("Make and end tokens and service accounts (administrators)")

    key_id = models.CharField(max_length=16, unique=True)
    secret_digest = models.BinaryField(max_length=32)
    name = models.CharField(_("name"), max_length=80)
    owner = models.ForeignKey(User, models.PROTECT, related_name="api_tokens")
    scopes = ArrayField(models.CharField(max_length=8, choices=Scope.choices))
    created_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField(_("expires"))
    revoked_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    # Limits; an empty list is none. A repository may end in "/*": all below that group.
    repositories = ArrayField(models.CharField(max_length=200), default=list, blank=True)
    services = ArrayField(models.CharField(max_length=80), default=list, blank=True)
    networks = ArrayField(NetworkField(max_length=43), default=list, blank=True)
    # The secret before the last rotation, which is good for a while longer.
    previous_digest = models.BinaryField(max_length=32, null=True)
    previous_until = models.DateTimeField(null=True, blank=True)
    rotated_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("-created_at",)
        constraints = (
            models.CheckConstraint(
                condition=Q(expires_at__gt=models.F("created_at")), name="token_expires_after_creation"
            ),
            models.CheckConstraint(condition=~Q(scopes=[]), name="token_has_a_scope"),
            # Only the gate's two questions name a repository or a service: elsewhere a limit would be a lie.
            models.CheckConstraint(
                condition=Q(repositories=[], services=[]) | Q(scopes__contained_by=["audit", "gate"]),
                name="token_limits_go_with_the_gate",
            ),
            models.CheckConstraint(
                condition=Q(previous_digest=None, previous_until=None)
                | Q(previous_digest__isnull=False, previous_until__isnull=False, rotated_at__isnull=False),
                name="token_previous_secret_has_an_end",
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} (clp_{self.key_id}…)"

    def digests(self, now: datetime) -> bytes:
        """The digests of the secrets that are good at `now`, one after the other: two after a rotation."""
        is_overlap = self.previous_until is not None and now < self.previous_until
        return bytes(self.secret_digest) + (bytes(self.previous_digest or b"") if is_overlap else b"")

    def is_usable(self, now: datetime) -> bool:
        """Whether it may be used at `now`: not revoked, not expired, owner active."""
        return self.revoked_at is None and now < self.expires_at and self.owner.is_active
