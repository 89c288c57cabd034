from tests.servers import beat, celery_worker, prometheus

__all__ = ["beat", "celery_worker", "prometheus"]
