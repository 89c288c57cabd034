"""Every setting of Closeloop, read from the environment once (docs/install.md lists the variables)."""

import hashlib
from datetime import timedelta
from pathlib import Path

from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from config import env

BASE_DIR = Path(__file__).resolve().parent.parent
VERSION = "0.1.0"
BUILD_ID = env.text("CLOSELOOP_BUILD_ID", "source")

DEBUG = env.flag("DEBUG", False)
SECRET_KEY = env.text("SECRET_KEY")
# Tokens are stored as HMACs under these keys; the first one writes, all of them read.
TOKEN_PEPPERS = env.words("TOKEN_PEPPERS") or [SECRET_KEY]
# Under these keys secrets are encrypted that must be read again (accounts/encryption.py).
FIELD_KEYS = env.keys("FIELD_KEYS")
PUBLIC_URL = env.site("PUBLIC_URL", "http://localhost:8000")
ALLOWED_HOSTS = env.hosts("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]", public_url=PUBLIC_URL)
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_htmx",
    "pgtrigger",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "accounts",
    "postmortem",
    "remediation",
    "governance",
    "api",
    "web",
    "ops",
]

MIDDLEWARE = [
    # First: CI asks the gate thousands of times an hour, and it needs none of what follows.
    "config.fastpath.FastPath",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # Around everything that may answer, so that refusals of CleanRequest carry their headers as well.
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "web.middleware.PageHeaders",
    "web.middleware.CleanRequest",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "web.middleware.ReaderPreferences",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "web.middleware.Refusals",
    "web.usage.Counting",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
# Choices of thousands are written without a template for each.
FORM_RENDERER = "web.forms.rendering.Renderer"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "web.context.page",
            ],
            "builtins": ["web.templatetags.closeloop"],
        },
    },
]

DATABASES = {
    "default": env.database("DATABASE_URL")
    | {"CONN_MAX_AGE": env.number("DATABASE_CONN_MAX_AGE", 600), "CONN_HEALTH_CHECKS": True}
}
DATABASES["default"]["OPTIONS"].setdefault("connect_timeout", 5)  # type: ignore[attr-defined]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
REDIS_URL = env.text("REDIS_URL")
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"},
    # Shared by all web processes (accounts/attempts.py); a login does not wait for a Redis that is away.
    "attempts": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": env.redis_location("REDIS_URL"),
        "KEY_PREFIX": f"{env.text('CELERY_KEY_PREFIX', 'closeloop:')}attempts",
        "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1},
    },
}

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["web.readers.Readers"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "accounts.passwords.LongEnoughValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.ScryptPasswordHasher"]
LOGIN_URL = "web:login"
LOGIN_REDIRECT_URL = "web:home"
LOGOUT_REDIRECT_URL = "web:login"

USE_I18N = True
USE_TZ = True
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
TIME_ZONE = env.zone("CLOSELOOP_TIME_ZONE", "UTC")

STATIC_URL = "/static/"
STATIC_ROOT = env.directory("STATIC_ROOT", BASE_DIR / "staticfiles")
# Evidence files: private, never served by path (postmortem/vault.py).
MEDIA_ROOT = env.directory("MEDIA_ROOT", BASE_DIR / "media")
EVIDENCE_MAX_BYTES = env.number("EVIDENCE_MAX_MB", 10, least=1) * 1_000_000
EVIDENCE_MAX_PIXELS = env.number("EVIDENCE_MAX_MEGAPIXELS", 40, least=1) * 1_000_000
# Of all files of one incident, and of one review, together.
EVIDENCE_QUOTA_BYTES = env.number("EVIDENCE_QUOTA_MB", 200, least=1) * 1_000_000
# Nobody is asked for their timeline more often than this.
TIMELINE_REMINDER_HOURS = env.number("TIMELINE_REMINDER_HOURS", 12, least=1)
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

_IS_HTTPS = PUBLIC_URL.startswith("https://")
SECURE_SSL_REDIRECT = _IS_HTTPS and env.flag("SSL_REDIRECT", True)
SECURE_HSTS_SECONDS = 31_536_000 if _IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _IS_HTTPS
SECURE_HSTS_PRELOAD = _IS_HTTPS
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]
BEHIND_PROXY = env.flag("BEHIND_PROXY", False)
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# Whose X-Forwarded-For counts (accounts/addresses.py); nobody's unless they are named.
TRUSTED_PROXIES = env.proxies("TRUSTED_PROXIES")
SESSION_ENGINE = "accounts.sessions"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _IS_HTTPS
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "web.errors.csrf_failure"
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
# A page that takes a file may be sent that file and a form around it (web/uploads.py).
UPLOAD_MAX_BYTES = EVIDENCE_MAX_BYTES + DATA_UPLOAD_MAX_MEMORY_SIZE
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "manifest-src": [SELF],
    }
}

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "api.authentication.TokenAuthentication",
        "api.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["api.permissions.ScopedAccess"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["api.wire.StrictJSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "api.wire.AlwaysJSON",
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "api.schema.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "api.pagination.Keyset",
    "EXCEPTION_HANDLER": "api.errors.handle",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Closeloop API",
    "DESCRIPTION": "Incidents, postmortems, remediation items and the merge gate.",
    "VERSION": "1",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    # Sessions are for the documentation page alone; programs use tokens.
    "AUTHENTICATION_WHITELIST": ["api.authentication.TokenAuthentication"],
    "POSTPROCESSING_HOOKS": ["api.schema.complete"],
    "TAGS": [
        {"name": "incidents", "description": "What happened."},
        {"name": "timelines", "description": "What each participant saw and did."},
        {"name": "evidence", "description": "Screenshots, logs and documents."},
        {
            "name": "reviews",
            "description": "Four steps, causes, a checklist; archived, they are postmortems.",
        },
        {"name": "changes", "description": "What changed around an incident."},
        {"name": "items", "description": "What was promised."},
        {"name": "checks", "description": "What proves it, and each attempt."},
        {"name": "gate", "description": "What CI asks."},
        {"name": "deploys", "description": "What went out, and what its canary said."},
        {"name": "self-heals", "description": "What playbooks healed."},
        {"name": "reports", "description": "A month in figures."},
        {"name": "notices", "description": "What you were told."},
        {"name": "notice-settings", "description": "How notices come to you by mail."},
        {"name": "deliveries", "description": "Which mails went out."},
        {"name": "escalation-steps", "description": "Who hears of a deadline, and when."},
        {"name": "team-channels", "description": "Where teams hear of notices together."},
        {"name": "services"},
        {"name": "severities"},
        {"name": "sla-policies", "description": "Days promised for items."},
        {"name": "working-calendars", "description": "When working days run."},
        {"name": "review-templates", "description": "What a review asks in each step."},
        {"name": "teams"},
        {"name": "users"},
        {"name": "tokens", "description": "What programs sign in with; for administrators."},
        {"name": "service-accounts", "description": "Whom the tokens of programs belong to."},
        {"name": "data-sources", "description": "The Prometheus servers that checks may ask."},
    ],
}

# Without a host no mail is written; notices stand on their page all the same (docs/notices.md).
EMAIL_HOST = env.text("SMTP_HOST", "")
EMAIL_PORT = env.number("SMTP_PORT", 587, least=1)
EMAIL_HOST_USER = env.text("SMTP_USER", "")
EMAIL_HOST_PASSWORD = env.text("SMTP_PASSWORD", "")
EMAIL_USE_SSL = env.flag("SMTP_TLS", False)
EMAIL_USE_TLS = not EMAIL_USE_SSL and env.flag("SMTP_STARTTLS", True)
EMAIL_TIMEOUT = 15
DEFAULT_FROM_EMAIL = env.text("MAIL_FROM", "Closeloop <closeloop@localhost>")

# docs/adr/0004: PostgreSQL is the queue, Celery only rings the bell; these keep a worker alive
# through a Redis restart and let no message matter.
CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
    "socket_keepalive": True,
    "health_check_interval": 10,
    "visibility_timeout": 120,
    "global_keyprefix": env.text("CELERY_KEY_PREFIX", "closeloop:"),
}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_POOL_LIMIT = 4
CELERY_TASK_ACKS_LATE = False
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {
    "remediation.run_prometheus_checks": {"queue": "checks"},
    "remediation.run_shell_checks": {"queue": "probes"},
    "remediation.run_exam_checks": {"queue": "checks"},
}
CELERY_TASK_SOFT_TIME_LIMIT = 340
CELERY_TASK_TIME_LIMIT = 360
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 200
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 300_000
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
CELERY_DB_REUSE_MAX = 1_000_000  # Celery closes the connection after every task unless told otherwise
TICK_SECONDS = env.number("CHECK_TICK_SECONDS", 5, least=1)
# Runs older than this are rolled up by day (docs/adr/0032).
CHECK_RUN_DAYS = env.number("CHECK_RUN_DAYS", 90, least=90)
# Bodies of events older than this are not kept (docs/events.md).
EVENT_BODY_DAYS = env.number("EVENT_BODY_DAYS", 90, least=7)
# Deploys so long before an incident are offered to its review as changes (docs/events.md).
DEPLOY_WINDOW_HOURS = env.number("DEPLOY_WINDOW_HOURS", 24, least=1)
CELERY_BEAT_SCHEDULE = {
    "ring-for-due-checks": {
        "task": "remediation.tick",
        "schedule": timedelta(seconds=TICK_SECONDS),
        "options": {"expires": 2 * TICK_SECONDS},
    },
    "mark-deadlines": {
        "task": "remediation.mark_deadlines",
        "schedule": timedelta(minutes=1),
        "options": {"expires": 120},
    },
    "roll-up-runs": {
        "task": "remediation.roll_up_runs",
        "schedule": timedelta(minutes=10),
        "options": {"expires": 600},
    },
    "tell-of-reviews": {
        "task": "governance.tell",
        "schedule": timedelta(minutes=1),
        "options": {"expires": 120},
    },
    "send-mails": {
        "task": "governance.send_mails",
        "schedule": timedelta(seconds=10),
        "options": {"expires": 20},
    },
    "declare-regressions": {
        "task": "governance.declare_regressions",
        "schedule": timedelta(minutes=1),
        "options": {"expires": 120},
    },
    "write-digests": {
        "task": "governance.write_digests",
        "schedule": timedelta(minutes=5),
        "options": {"expires": 600},
    },
    "send-messages": {
        "task": "governance.send_messages",
        "schedule": timedelta(seconds=10),
        "options": {"expires": 20},
    },
    # Begins on the first working day of a month, and goes on where a crash left it.
    "build-reports": {
        "task": "governance.build_reports",
        "schedule": timedelta(minutes=5),
        "options": {"expires": 300},
    },
    "correct-reports": {
        "task": "governance.correct_reports",
        "schedule": timedelta(hours=24),
        "options": {"expires": 3600},
    },
    "take-events": {
        "task": "governance.take_events",
        "schedule": timedelta(seconds=TICK_SECONDS),
        "options": {"expires": 2 * TICK_SECONDS},
    },
    "forget-bodies-of-events": {
        "task": "governance.forget_bodies",
        "schedule": timedelta(hours=1),
        "options": {"expires": 3600},
    },
    "forget-old-drafts": {
        "task": "postmortem.forget_drafts",
        "schedule": timedelta(hours=1),
        "options": {"expires": 3600},
    },
}
# How often each feature is used, for the quarterly review; never by whom.
USAGE_COUNTED = True
# Called with a kind of check when one should run at once; "" where nobody listens but the next tick.
VERIFICATION_BELL = "remediation.tasks.ring"

# Running commands for users is remote code execution by design: off unless someone switches it on.
SHELL_PROBES_ENABLED = env.flag("SHELL_PROBES_ENABLED", False)
# The weakest sandbox a probe may run in; landlock is for containers that allow no namespaces, none for
# development only.
SHELL_PROBE_SANDBOX = env.choice("SHELL_PROBE_SANDBOX", "bubblewrap", ("bubblewrap", "landlock", "none"))
# The networks besides none that commands may ask for: egress, host. Each is named here or refused.
SHELL_PROBE_NETWORKS = env.subset("SHELL_PROBE_NETWORKS", ("egress", "host"))
# Under these keys the secrets of commands are encrypted: for the web processes and the probe worker alone.
PROBE_SECRET_KEYS = env.keys("PROBE_SECRET_KEYS")
# Signs the approvals of commands: held by the web processes and the probe worker alone.
PROBE_SIGNING_KEY = (
    env.text("PROBE_SIGNING_KEY", "") or hashlib.sha256(f"probes {SECRET_KEY}".encode()).hexdigest()
)
# Networks of one's own that channels of teams may be in, such as a chat server's; loopback only if named.
CHANNEL_NETWORKS = env.networks("CHANNEL_NETWORKS")
PROMETHEUS_ALLOW_LOOPBACK = env.flag("PROMETHEUS_ALLOW_LOOPBACK", False)
# Whether the expressions of several checks are asked as one query, where the answer is exactly the same.
PROMETHEUS_COMBINE_QUERIES = env.flag("PROMETHEUS_COMBINE_QUERIES", False)
# What Prometheus must send to read /metrics; without it there is no such page.
# Pictures of a service's standing: none, for addresses with a key, or for everybody (docs/gate.md).
SERVICE_BADGES = env.choice("SERVICE_BADGES", "off", ("off", "key", "public"))

METRICS_TOKEN = env.text("METRICS_TOKEN", "")

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.log_level("LOG_LEVEL", "INFO")},
    "loggers": {
        "django.request": {"level": "ERROR"},
        # They tell of each page they lay out and each font they cut down.
        "weasyprint": {"level": "WARNING"},
        "fontTools": {"level": "WARNING"},
    },
}
