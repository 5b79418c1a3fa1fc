"""GET /events/stream as its users see it: producers over a WebSocket, and followers of the log."""
import json
import os
import re
import subprocess
import threading

import pytest

from harness import ADMIN_KEY
from shopping import event
from ws_wire import BINARY, CLOSE, PING, PONG, TEXT, Wire, close_frame, frame, record


class Stream(Wire):
    """A wire that speaks JSON."""

    def ask(self, message):
        self.tell(message)
        return self.hear()

    def tell(self, message):
        self.send(frame(TEXT, message if isinstance(message, (str, bytes)) else json.dumps(message)))

    def hear(self):
        return json.loads(self.next_text())

    def see_off(self):
        """The code of the server's close frame, which is answered."""
        while (one := self.next()) is not None:
            if one[0] == CLOSE:
                self.send(close_frame(1001))
                return int.from_bytes(one[1][:2], "big")
        return None

    def hear_events(self, count):
        """At least so many events of a subscription, and the last cursor."""
        events, cursor = [], None
        while len(events) < count:
            page = self.hear()
            assert page["events"], "a message without events"
            events, cursor = events + page["events"], page["next_cursor"]
        return events, cursor


@pytest.fixture
def stream(server, exchanges):
    with Stream(server.url) as one:
        one.open()
        record(exchanges, one.port)
        yield one


def view(user, event_id):
    return event("page_view", user, event_id=event_id)


def views(user, count):
    return [view(user, f"{user}-{at}") for at in range(count)]


# --- the handshake

GOOD = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13"}
BAD_KEYS = ["", "x", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZR==", "dGhlIHNhbXBsZSBub25jZQ==x",
            "dGhlIHNhbXBsZSBub25jZT09", "dGhlIHNhbXBs ZSBub25jZQ==", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAA"]


@pytest.mark.parametrize("changed, status", [
    ({}, 101), ({"Upgrade": "WebSocket"}, 101), ({"Upgrade": "h2c, websocket"}, 101), ({"Connection": "keep-alive, Upgrade"}, 101),
    ({"Connection": "UPGRADE"}, 101), ({"Upgrade": None}, 426), ({"Upgrade": "h2c"}, 426), ({"Connection": None}, 426),
    ({"Connection": "keep-alive"}, 426), ({"Sec-WebSocket-Version": None}, 400), ({"Sec-WebSocket-Version": "8"}, 426),
    ({"Sec-WebSocket-Version": "14"}, 426), ({"Sec-WebSocket-Version": "13, 8"}, 426), ({"Sec-WebSocket-Version": "013"}, 426),
    ({"Sec-WebSocket-Key": None}, 400), *[({"Sec-WebSocket-Key": key}, 400) for key in BAD_KEYS],
    ({"Connection": "Upgrade, close"}, 400), ({"Upgrade": "websockets"}, 426),
])
def test_handshakes(server, changed, status):
    with Wire(server.url) as wire:
        headers = [(name, value) for name, value in {**GOOD, **changed}.items() if value is not None]
        got, fields = wire.handshake(headers=headers, without=list(GOOD))
        assert got == status, fields
        if got == 426:
            assert fields["upgrade"] == "websocket" and fields["sec-websocket-version"] == "13" and fields["connection"] == "Upgrade"


@pytest.mark.parametrize("rest, status", [
    ({"method": "POST"}, 405), ({"method": "HEAD"}, 426), ({"version": "1.0"}, 426),
    ({"headers": [("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==")]}, 400), ({"headers": [("Sec-WebSocket-Version", "13")]}, 400),
    ({"path": "/events/streams"}, 404), ({"path": "/events/stream/"}, 101),
    ({"path": "/events/stream?x=1"}, 101),
    ({"admin_key": None}, 401), ({"admin_key": "hr_wrong"}, 401), ({"admin_key": None, "headers": [("Authorization", "Bearer x")]}, 401),
    ({"admin_key": None, "headers": [("Authorization", "Bearer " + ADMIN_KEY)]}, 101),
    ({"admin_key": None, "headers": [("Sec-WebSocket-Protocol", "headrace, bearer." + ADMIN_KEY)]}, 101),
    ({"admin_key": None, "headers": [("Sec-WebSocket-Protocol", "bearer.hr_wrong")]}, 401),
    ({"headers": [("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits")]}, 101),
])
def test_who_may_open_one(server, rest, status):
    with Wire(server.url) as wire:
        got, fields = wire.handshake(**rest)
        assert got == status, fields
        assert "sec-websocket-extensions" not in fields
        offered = dict(rest.get("headers", [])).get("Sec-WebSocket-Protocol", "")
        assert fields.get("sec-websocket-protocol") == ("headrace" if got == 101 and "headrace" in offered else None)


def test_a_handshake_has_no_body(server):
    with Wire(server.url) as wire:
        wire.send(f"GET /events/stream HTTP/1.1\r\nHost: t\r\nX-API-Key: {ADMIN_KEY}\r\nContent-Length: 2\r\n".encode())
        wire.send("".join(f"{name}: {value}\r\n" for name, value in GOOD.items()).encode() + b"\r\n{}")
        assert wire.head()[0] == 400


@pytest.mark.parametrize("origin, allowed, status", [
    ("http://127.0.0.1:PORT", "", 101), ("https://127.0.0.1:PORT", "", 101), ("https://evil.example", "", 403), ("null", "", 403),
    ("http://127.0.0.1", "", 403), ("https://shop.example", "https://shop.example, https://b.example", 101),
    ("https://b.example", "https://shop.example, https://b.example", 101), ("http://b.example", "https://b.example", 403),
    ("https://evil.example", "*", 101),
])
def test_pages_of_other_origins(fresh_server, origin, allowed, status):
    server = fresh_server(args=["--websocket-origins", allowed] if allowed else [])
    with Wire(server.url) as wire:
        got, _ = wire.handshake(headers=[("Origin", origin.replace("PORT", str(wire.port)))])
        assert got == status
        body = wire.received.decode()
    assert got == 101 or "ORIGIN_NOT_ALLOWED" in body


# --- events in

def test_one_event(stream, client, name):
    user = name("user")
    sent = view(user, name("evt"))
    ack = stream.ask({**sent, "id": 7})
    assert ack["id"] == 7 and ack["status"] == "success" and ack["count"] == 1
    assert ack["results"][0]["status"] == "submitted" and ack["results"][0]["event_id"] == sent["event_id"]
    found = client.query(user_id=user)["events"]
    assert [one["event_id"] for one in found] == [sent["event_id"]]
    assert found[0]["metadata"]["offset"] == ack["results"][0]["offset"]
    again = stream.ask(sent)
    assert again["results"][0]["status"] == "duplicate" and again["results"][0]["offset"] == ack["results"][0]["offset"]
    assert "id" not in again


def test_the_verdicts_are_those_of_the_batch_route(stream, client, name):
    def batch(user):
        return [event("page_view", user, event_id=f"{user}-a"), {"no": "type"}, 5, event("page view", user),
                event("add_to_cart", user, event_id=f"{user}-b"), event("page_view", user, event_id=f"{user}-a")]
    one, two = name("user"), name("user")
    answer, reply = stream.ask(batch(one)), client.post("/api/events/batch", json=batch(two)).json()
    def plain(results, user):
        return [{key: value.replace(user, "") if isinstance(value, str) else value for key, value in result.items()
                 if key not in ("offset", "partition") and not (key == "event_id" and value.startswith("evt_"))} for result in results]
    assert plain(answer["results"], one) == plain(reply["results"], two)
    assert (answer["status"], answer["count"]) == (reply["status"], reply["count"]) == ("partial", 3)


@pytest.mark.parametrize("form", ["array", "object", "lines", "zstd"])
def test_many_events(stream, client, name, form):
    user, count = name("user"), 1000
    events = views(user, count)
    lines = "\n".join(map(json.dumps, events)).encode()
    if form == "array":
        ack = stream.ask(events)
    elif form == "object":
        ack = stream.ask({"id": "batch 1", "events": events})
        assert ack["id"] == "batch 1"
    else:
        payload = lines if form == "lines" else subprocess.run(["zstd", "-qc"], input=lines, stdout=subprocess.PIPE, check=True).stdout
        stream.send(frame(BINARY, payload))
        ack = stream.hear()
    assert ack["count"] == count and ack["status"] == "success"
    offsets = [result["offset"] for result in ack["results"]]
    assert offsets == sorted(offsets)
    page = client.query(user_id=user, limit=1000)
    assert [one["event_id"] for one in page["events"]] == [one["event_id"] for one in events]


def test_answers_come_in_the_order_of_messages(stream, client, name):
    user, count = name("user"), 300
    events = views(user, count)
    stream.send(b"".join(frame(TEXT, json.dumps({**one, "id": i})) for i, one in enumerate(events)))
    acks = [stream.hear() for _ in events]
    assert [ack["id"] for ack in acks] == list(range(count))
    page = client.query(user_id=user, limit=1000)
    assert [one["event_id"] for one in page["events"]] == [one["event_id"] for one in events], "the log has the order of the messages"


@pytest.mark.parametrize("message, status, said", [
    ("", 400, "empty"), ("{", 400, ""), ("nonsense", 400, ""), ("5", 422, "object or array"), ('"text"', 422, "object or array"),
    ("null", 422, "object or array"), ("[1,2", 400, ""), ('{"events": 5}', 422, "events"), ('{"id": true}', 422, "id"),
    ('{"id": [1], "events": []}', 422, "id"), ('{"id": 1.5, "events": []}', 422, "id"), ('{"id": "' + "x" * 200 + '"}', 422, "id"),
    ('{"id": 1, "id": 2}', 400, ""), ('{"events": [], "subscribe": {}}', 422, "one of"), ('{"event_type": "a", "events": []}', 422, "one of"),
    ('{"event_type": "a", "unsubscribe": true}', 422, "one of"), ('{"unsubscribe": true}', 422, "no subscription"), ('{"events": []} x', 400, ""),
    ('{"subscribe": 5}', 422, ""), ('{"subscribe": {"from": "yesterday"}}', 422, "from"), ('{"subscribe": {"user_id": ""}}', 422, "user_id"),
    ("[" * 70 + "]" * 70, 400, ""),
])
def test_errors_have_the_system_s_form_and_the_stream_goes_on(stream, name, message, status, said):
    answer = stream.ask(message)
    assert set(answer) >= {"error", "message", "code", "details", "timestamp", "request_id"}, answer
    assert said in answer["message"] or said in answer["details"].get("field", ""), answer
    assert stream.ask(event("page_view", name("user")))["count"] == 1


def test_an_error_names_its_message(stream):
    assert stream.ask('{"id": "m-1", "subscribe": 5}')["id"] == "m-1"
    assert stream.ask('{"id": 12, "events": 5}')["id"] == 12
    stream.send(frame(BINARY, b"\x28\xb5\x2f\xfd no zstd"))
    assert stream.hear()["code"] == "MALFORMED_REQUEST"


def test_a_bomb_is_refused(stream):
    bomb = subprocess.run(["zstd", "-qc19"], input=b"\n" * (64 << 20), stdout=subprocess.PIPE, check=True).stdout
    assert len(bomb) < 65536
    stream.send(frame(BINARY, bomb))
    assert stream.hear()["code"] == "BODY_TOO_LARGE"


def test_a_rejected_event_is_no_error_of_the_message(stream):
    answer = stream.ask({"data": {}})
    assert answer["status"] == "partial" and answer["count"] == 0
    assert answer["results"][0]["status"] == "rejected" and answer["results"][0]["field"] == "event_type"


def test_an_ack_survives_a_kill(fresh_server, name):
    server = fresh_server()
    acked = []
    with Stream(server.url).open() as stream:
        for at in range(50):
            stream.tell({**event("page_view", "u1", event_id=f"kill-{at}"), "id": at})
        for _ in range(30):
            acked.append(stream.hear()["id"])
        server.kill()
    server.start()
    kept = {one["event_id"] for one in server.client.query(user_id="u1", limit=1000)["events"]}
    assert {f"kill-{at}" for at in acked} <= kept
    server.stop()
    server.verify()


# --- events out

def test_a_follower_sees_what_comes(stream, client, server, name):
    user = name("user")
    client.send(event("page_view", user))  # before: not seen
    began = stream.ask({"id": "s", "subscribe": {"user_id": user}})
    assert began["status"] == "subscribed" and began["id"] == "s" and began["next_cursor"]
    with Stream(server.url).open() as producer:
        sent = views(user, 30) + views(name("user"), 5)
        for start in range(0, len(sent), 7):
            producer.ask(sent[start:start + 7])
    events, cursor = stream.hear_events(30)
    assert [one["event_id"] for one in events] == [one["event_id"] for one in sent[:30]]
    assert events[0]["data"]["user_id"] == user and events[0]["metadata"]["offset"] > 0
    listed = client.query(user_id=user, limit=1000)["events"]
    assert events == listed[1:], "the form is that of GET /api/events"
    assert stream.ask({"unsubscribe": True})["status"] == "unsubscribed"
    assert stream.ask({"subscribe": {"from": cursor, "user_id": user}})["next_cursor"] == cursor


def test_every_filter(stream, client, name):
    user, cart, session = name("user"), name("cart"), name("session")
    client.send_all([event("page_view", user, cart=cart, session=session), event("add_to_cart", user, cart=cart), event("page_view", user)])
    for asked, count in (({"user_id": user}, 3), ({"cart_id": cart}, 2), ({"session_id": session}, 1),
                         ({"user_id": user, "event_type": "page_view"}, 2)):
        stream.ask({"subscribe": {**asked, "from": "start"}})
        events, _ = stream.hear_events(count)
        assert len(events) == count
        while (answer := stream.ask({"unsubscribe": True})).get("events"):
            pass
        assert answer["status"] == "unsubscribed"


def test_a_cursor_goes_on_without_loss_or_repetition(server, client, name):
    users = [name("user") for _ in range(6)]  # at home in both partitions
    sent = [event(f"type_{users[0]}", users[at % 6], event_id=f"{users[0]}-{at}") for at in range(3000)]
    client.send_all(sent[:1500])
    seen, cursor = [], "start"
    kind = f"type_{users[0]}"
    for stop in (400, 900, 2000, 3000):
        if stop == 2000:
            client.send_all(sent[1500:])
        with Stream(server.url).open() as stream:
            stream.ask({"subscribe": {"event_type": kind, "from": cursor}})
            events, cursor = stream.hear_events(stop - len(seen))
            seen += [one["event_id"] for one in events]
    assert len(seen) == len(set(seen)) and set(seen) == {one["event_id"] for one in sent}
    by_user = {user: [one["event_id"] for one in sent if one["data"]["user_id"] == user] for user in users}
    order = {id: at for at, id in enumerate(seen)}
    for ids in by_user.values():
        assert [order[id] for id in ids] == sorted(order[id] for id in ids)


def test_events_and_a_subscription_on_one_stream(stream, name):
    user = name("user")
    stream.ask({"id": "s", "subscribe": {"user_id": user}})
    acks, events = 0, []
    for at, one in enumerate(views(user, 100)):
        stream.tell({"id": at, **one})
    while acks < 100 or len(events) < 100:
        message = stream.hear()
        if message["id"] == "s":
            events += message["events"]
        else:
            assert message["id"] == acks and message["count"] == 1
            acks += 1


def test_one_subscription_per_stream(stream):
    assert stream.ask({"subscribe": {}})["status"] == "subscribed"
    stream.tell({"id": 2, "subscribe": {}})
    while (answer := stream.hear()).get("id") != 2:
        assert answer["events"]
    assert answer["code"] == "CONFLICT"


def test_a_follower_that_does_not_read_costs_little(fresh_server, name):
    """48 MB come for it meanwhile; it has at most a queue and a message of them, and has missed nothing."""
    server = fresh_server()
    rounds, size = 30, 200

    def memory_mib():
        lines = open(f"/proc/{server.process.pid}/status").read()
        return int(re.search(r"RssAnon:\s+(\d+)", lines).group(1)) // 1024

    def feed():
        server.client.send_all([event("page_view", "u", event_id=name("evt"), blob="x" * 8000) for _ in range(size)])
    with Stream(server.url, receive_buffer=4096).open() as sleeper:
        for _ in range(5):  # what the intake itself takes
            feed()
        sleeper.ask({"subscribe": {}})
        before = memory_mib()
        for _ in range(rounds):
            feed()
        grown = memory_mib() - before
        if "asan" not in os.environ.get("HEADRACE_BINARY", ""):  # whose allocator is none to measure
            assert grown < 36, grown
        events, _ = sleeper.hear_events(rounds * size)
        assert len(events) == rounds * size


# --- life and end

def test_pings_are_answered_and_sent(fresh_server):
    server = fresh_server(args=["--websocket-ping", "1s"])
    with Stream(server.url).open() as stream:
        stream.send(frame(PING, b"there?"))
        assert stream.next() == (PONG, b"there?")
        assert stream.next() == (PING, b"")


def test_a_stop_says_going_away(fresh_server):
    server = fresh_server()
    streams = [Stream(server.url).open() for _ in range(5)]
    streams[0].ask({"subscribe": {}})
    streams[1].tell({"id": 1, **event("page_view", "u")})
    ended = []
    threads = [threading.Thread(target=lambda one=one: ended.append(one.see_off())) for one in streams]
    for thread in threads:
        thread.start()
    assert server.stop() == 0
    for thread in threads:
        thread.join()
    assert ended == [1001] * 5


def test_streams_are_counted(stream, client):
    text = client.get("/metrics").text
    values = dict(line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    assert float(values["headrace_websockets"]) >= 1 and float(values["headrace_websockets_opened_total"]) >= 1
    stream.ask("[]")
    text = client.get("/metrics").text
    assert 'operation="stream_events",status="1xx"' in text


def test_openapi_says_what_it_is(client):
    operation = client.get("/openapi.json").json()["paths"]["/events/stream"]["get"]
    assert operation["x-websocket"] is True and {"101", "426"} <= set(operation["responses"])
