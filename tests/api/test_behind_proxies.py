"""The corpus through nginx and haproxy: proxy and server must mean the same by every byte, or one client's request becomes
another's. What the proxy says it has handed on is held against what the server says it has seen."""
import re
from collections import Counter

import pytest

import proxies
from test_http_corpus import CASES, WAYS, address_of
from wire_crowd import answers_of

BEHIND = re.compile(rb"x-request-id: behind-(\d+)\r\n", re.IGNORECASE)
THERE = [pytest.param(name, marks=() if proxies.is_there(name) else pytest.mark.skip(reason=f"{name} is not installed"))
         for name in proxies.COMMANDS]


def counts(server):
    text = server.client.get("/metrics", headers={"Accept": "text/plain"}).text
    refused = re.search(r"^headrace_http_protocol_errors_total (\d+)", text, re.MULTILINE)
    return server.client.get("/status").json()["requests_total"], int(refused[1])


def marked(place, wire):
    """The request behind the case bears the number of its connection, so that an answer on another is known."""
    return wire.replace(b"X-Request-ID: behind\r\n", b"X-Request-ID: behind-%d\r\n" % place)


@pytest.mark.parametrize("way", ["whole", "in two"])
@pytest.mark.parametrize("name", THERE)
def test_proxy_and_server_see_the_same_requests(fresh_server, tmp_path, name, way):
    server = fresh_server(args=["--loops", "2"])
    proxy = proxies.Proxy(name, tmp_path / name, address_of(server)[1])
    try:
        handled_before, refused_before = counts(server)
        answers = answers_of(("127.0.0.1", proxy.port), [WAYS[way](marked(n, case.wire)) for n, case in enumerate(CASES)], quiet_s=0.3)
        handled, refused = counts(server)
    finally:
        proxy.stop()
    forwarded = proxy.forwarded()
    assert len(forwarded) > len(CASES) // 2, "hardly anything came through: this compares nothing"
    own = 2  # requests of counts() itself: its /status, and the /metrics of the second call
    taken = sum(status == "200" for status, _ in forwarded)
    seen = handled - handled_before - own, refused - refused_before
    assert seen == (taken, len(forwarded) - taken), f"{name} says (taken, refused) {taken, len(forwarded) - taken}, the server {seen}"
    print(f"{name}, {way}: {len(forwarded)} handed on, (taken, refused) {seen}")
    ids = Counter(id for _, id in forwarded if id not in ("-", ""))
    assert not [id for id, times in ids.items() if times > 2], "more answers than requests of that name"
    for place, answer in enumerate(answers):
        strangers = {int(number) for number in BEHIND.findall(answer)} - {place}
        assert not strangers, f"{CASES[place].clause} {CASES[place].name} got the answer of connection {strangers}"
