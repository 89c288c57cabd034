"""Settings for the type checker alone: nothing is connected to."""

import os

os.environ.setdefault("SECRET_KEY", "type-checking")
os.environ.setdefault("DATABASE_URL", "postgres://localhost/none")
os.environ.setdefault("REDIS_URL", "redis://localhost/0")

from config.settings import *  # noqa: F403
