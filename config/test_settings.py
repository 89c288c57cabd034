"""What tests need different from production, and nothing else."""

import base64
import os
import tempfile

# The addresses of the test servers come from tests/services.py, before Django is loaded.
os.environ.setdefault("SECRET_KEY", "test-" + "0123456789abcdef" * 4)
os.environ.setdefault("FIELD_KEYS", "test:" + base64.urlsafe_b64encode(b"0123456789abcdef" * 2).decode())
os.environ.setdefault(
    "PROBE_SECRET_KEYS", "probe:" + base64.urlsafe_b64encode(b"fedcba9876543210" * 2).decode()
)
os.environ.setdefault("PUBLIC_URL", "http://testserver")
os.environ.setdefault("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1],testserver")
os.environ.setdefault("PROMETHEUS_ALLOW_LOOPBACK", "1")
os.environ.setdefault("CHANNEL_NETWORKS", "127.0.0.0/8")
os.environ.setdefault("MEDIA_ROOT", tempfile.mkdtemp(prefix="closeloop-media-"))

from config.settings import *
from config.settings import STORAGES

# A refusal must write nothing, and that is what tests look at.
USAGE_COUNTED = False
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# The manifest exists only after collectstatic.
STORAGES = STORAGES | {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
