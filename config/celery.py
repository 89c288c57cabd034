"""The Celery application: `celery -A config worker`."""

import os
from typing import Any

from celery import Celery
from celery.signals import task_prerun, worker_init
from django.db import close_old_connections

from config.memory import look_less_often

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
app = Celery("closeloop")
# CELERY_DB_REUSE_MAX is among these: Celery's own care for Django would open a connection for each task.
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@task_prerun.connect
def drop_dead_connections(**kwargs: Any) -> None:
    """A kept connection may have died with the server since the last task; Django then opens a new one."""
    close_old_connections()


@worker_init.connect
def look_less_often_for_garbage(**kwargs: Any) -> None:
    """Before the processes of the pool come to be: they share what is loaded by then."""
    look_less_often()
