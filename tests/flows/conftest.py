from tests.browser import chromium, open_page
from tests.servers import beat, celery_worker, prometheus

__all__ = ["beat", "celery_worker", "chromium", "open_page", "prometheus"]
