from importlib.util import find_spec

urlpatterns: list = []
if all(find_spec(name) for name in ("api.audit", "api.gate", "governance.audit", "governance.reports", "web.reports")):
    from config.all_urls import *  # noqa: F403
