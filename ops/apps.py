from django.apps import AppConfig
from django.contrib.staticfiles.apps import StaticFilesConfig


class OpsConfig(AppConfig):
    name = "ops"


class StaticFiles(StaticFilesConfig):
    """Django's own, without ReDoc: half of all there is to collect and compress, and no page shows it."""

    ignore_patterns = (*StaticFilesConfig.ignore_patterns, "redoc")
