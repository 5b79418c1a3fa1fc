"""Clients that take their time: thousands that send a byte a second, or nothing, or never read. They are cut off when their time is
over, told why where they can be, and until then cost others nothing. HEADRACE_SLOW_CLIENTS=5000 for the long form."""
import os
import re
import resource
import selectors
import socket
import threading
import time

from test_http_corpus import address_of
from wire_crowd import statuses

CROWD = int(os.environ.get("HEADRACE_SLOW_CLIENTS", "300"))
HEADERS_S, SLACK_S = 10, float(os.environ.get("HEADRACE_START_S", "20")) / 2  # sanitizers need more
DRIP = b"GET /health HTTP/1.1\r\nHost: t\r\nX: " + b"a" * 1000


class Crowd:
    """Connections that drip a head, a byte a second each. `ended`: what each was told, and after how many seconds."""

    def __init__(self, address, size):
        self.selector, self.ended, self.sent = selectors.DefaultSelector(), [], 0
        self.began = {}
        for _ in range(size):
            one = socket.create_connection(address)
            one.sendall(DRIP[:1])
            self.began[one] = time.monotonic()
            one.setblocking(False)
            self.selector.register(one, selectors.EVENT_READ, bytearray())

    def drip(self):
        self.sent += 1
        for one in list(self.began):
            try:
                one.send(DRIP[self.sent:self.sent + 1])
            except OSError:
                pass  # refused: read() will tell

    def read(self, until):
        while (left := until - time.monotonic()) > 0 and self.began:
            for key, _ in self.selector.select(left):
                try:
                    more = key.fileobj.recv(4096)
                except ConnectionResetError:
                    more = b""
                key.data.extend(more)
                if not more:
                    self.selector.unregister(key.fileobj)
                    self.ended.append((statuses(bytes(key.data)), time.monotonic() - self.began.pop(key.fileobj)))
                    key.fileobj.close()

    def live(self, seconds):
        until = time.monotonic() + seconds
        while self.began and time.monotonic() < until:
            self.drip()
            self.read(time.monotonic() + 1)


def counter(server, name):
    text = server.client.get("/metrics", headers={"Accept": "text/plain"}).text
    return int(re.search(rf"^headrace_{name} (\d+)", text, re.MULTILINE)[1])


def p99_ms(server, requests):
    took = []
    for _ in range(requests):
        begin = time.monotonic()
        assert server.client.get("/health").status_code == 200
        took.append(1000 * (time.monotonic() - begin))
    return sorted(took)[int(0.99 * requests)]


def test_who_drips_a_head_is_cut_off_and_others_are_served(fresh_server):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, CROWD + 1000)), hard))
    server = fresh_server(args=["--loops", "2"])
    alone = p99_ms(server, 500)
    crowd = Crowd(address_of(server), CROWD)
    until = time.monotonic() + 5  # some versions of libuv accept one connection in a turn of the loop
    while (connected := counter(server, "http_connections")) < CROWD and time.monotonic() < until:
        time.sleep(0.01)
    assert connected >= CROWD, "they are not connected: this shows nothing"
    living = threading.Thread(target=crowd.live, args=(HEADERS_S + SLACK_S,))
    living.start()
    among = p99_ms(server, 500)
    living.join()
    print(f"{CROWD} drip: p99 of others {alone:.2f} ms alone, {among:.2f} ms among them")
    assert not crowd.began, f"{len(crowd.began)} were not cut off"
    assert {told for told, _ in crowd.ended} == {"408"}
    assert all(HEADERS_S - 1 <= after for _, after in crowd.ended), min(after for _, after in crowd.ended)
    assert counter(server, "http_timeouts_total") == CROWD


def test_who_sends_half_a_body_or_goes_away_costs_nothing_for_long(fresh_server):
    """Connections that end in the middle of a head, of a body, or without a word, politely and with a reset."""
    server = fresh_server(args=["--loops", "2"])
    idle = counter(server, "http_connections")
    for left in (b"", b"GET /hea", b"POST /api/events HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\n{",
                 b"POST /api/events HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"):
        for reset in (False, True):
            for _ in range(25):
                one = socket.create_connection(address_of(server))
                one.sendall(left)
                if reset:
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                one.close()
    until = time.monotonic() + 5
    while counter(server, "http_connections") > idle and time.monotonic() < until:
        time.sleep(0.05)
    assert counter(server, "http_connections") <= idle
    assert counter(server, "http_connections_accepted_total") >= 200
