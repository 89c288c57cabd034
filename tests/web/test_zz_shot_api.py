import pytest
from tests import factories
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
from tests.web.conftest import *
def test_shot(chromium, live_server, transactional_db):
    reader=factories.user("Ada", language="zh-hans")
    for scheme,w in (("dark",1440),("light",390)):
        ctx = chromium.new_context(viewport={"width":w,"height":1000}, color_scheme=scheme)
        page = ctx.new_page()
        msgs=[]
        page.on("console", lambda m: msgs.append(m.text))
        page.goto(f"{live_server.url}/login?next=/api/docs/")
        page.fill("[name=username]", reader.email)
        page.fill("[name=password]", factories.PASSWORD)
        page.click("main button.primary")
        page.wait_for_url(f"{live_server.url}/api/docs/")
        page.click("#operations-items-items_create .opblock-summary-control")
        page.wait_for_timeout(1500)
        page.screenshot(path=f"/tmp/w/api/shot-{scheme}.png")
        print(msgs)
