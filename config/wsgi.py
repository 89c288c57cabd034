"""What the web server serves: `granian --interface wsgi config.wsgi:application`."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
application = get_wsgi_application()

from config.fastpath import ahead_of  # noqa: E402 - its views need the settings that were just loaded
from config.memory import look_less_often  # noqa: E402 - in its place after the others

application = ahead_of(application)
look_less_often()
