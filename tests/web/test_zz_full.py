from tests.web import test_every_page as t
from tests.web.test_every_page import *
from tests.web.test_every_page import visitor
t.PARTS_SHARE, t.QUERIES_SHARE, t.VALUES_SHARE = 2, 30, 3
