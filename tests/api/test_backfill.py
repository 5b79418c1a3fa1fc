"""Changed feature definitions: the old ones are served until the log is folded by the new ones, then those, whatever is killed."""
import signal
import time

import pytest

from harness import good, run
from shopping import event, now

NEW = """
[[features]]
entity = "user"
name = "dearest_view"
aggregate = "max"
events = "product_view"
value = "price"
window = "all_time"

[[features]]
entity = "cart"
name = "searches_24h"
aggregate = "count"
events = "search"
value = ""
window = "24h"
"""


def some_events(start, count, users=200):
    kinds = ["product_view", "search", "add_to_cart", "page_view", "purchase"]
    return [event(kinds[(n + n // users) % 5], f"u{n % users}", f"c{n % users}", f"s{n % 37}", now(-(n % 3600)), f"e{n}", price=n % 997, quantity=1, product_id=f"p{n % 50}")
            for n in range(start, start + count)]


def expected(events, user):
    """Of u<n> and c<n>, by hand."""
    mine = [one for one in events if one["data"]["user_id"] == f"u{user}"]
    views = [one["data"]["price"] for one in mine if one["event_type"] == "product_view"]
    return max(views, default=None), sum(one["event_type"] == "search" for one in mine)


def of(client, kind, name):
    return good(client.get(f"/internal/features/{name}", params={"entity": kind}))["features"]


def is_new(client, user):
    """None while the old definitions are served, else the two new features."""
    its, cart = of(client, "user", f"u{user}"), of(client, "cart", f"c{user}")
    return (its.get("dearest_view"), cart.get("searches_24h"))


def status(client):
    return good(client.get("/admin/features/backfill"))


def wait_complete(client, seconds=60):
    until = time.monotonic() + seconds
    while (now_is := status(client))["status"] != "complete":
        assert now_is["status"] == "running" and time.monotonic() < until, now_is
        time.sleep(0.02)
    return now_is


def configured(server, text=NEW):
    path = server.directory / "headrace.toml"
    path.write_text(text)
    server.args = [*[word for word in server.args if word != "--config" and not word.endswith(".toml")], "--config", str(path)]


@pytest.fixture
def fed(fresh_server):
    server = fresh_server(args=["--partitions", "2", "--segment-bytes", "1048576"])
    events = some_events(0, 6_000)
    server.client.send_all(events)
    assert server.stop() == 0
    return server, events


def check(server, events):
    for user in (0, 1, 2, 57, 199):
        assert is_new(server.client, user) == expected(events, user)


def test_old_definitions_are_served_until_the_new_ones_are_whole(fresh_server):
    server = fresh_server(args=["--partitions", "2"])
    users = 1000  # windows know the newest 512 events of each: a slow machine sends that many of 200 users
    events = some_events(0, 60_000, users)
    server.client.send_all(events, 5000)
    before = of(server.client, "user", "u7")
    assert server.stop() == 0
    configured(server)
    server.start()
    first = status(server.client)
    assert first["status"] == "running" and first["records_total"] > 60_000
    seen, sent, done = [], 60_000, -1
    while status(server.client)["status"] == "running":
        seen.append(is_new(server.client, 7))
        assert server.client.predict("c7")["probability"] >= 0
        now_is = status(server.client)
        if now_is["status"] == "running":
            assert now_is["records_done"] <= now_is["records_total"]
            done = max(done, now_is["records_done"])
        more = some_events(sent, 50, users)
        server.client.send_all(more)
        events, sent = events + more, sent + len(more)
    assert seen and seen[0] == (None, None) and done > 0, "it was answered while the log was folded"
    assert set(before) <= set(of(server.client, "user", "u7"))
    check(server, events)
    last = status(server.client)
    assert all(part["status"] == "served" and part["from_lsn"] == 1 for part in last["partitions"])
    assert "headrace_backfill_due{partition=\"0\"} 0" in server.client.get("/metrics").text
    more = some_events(sent, 500)
    server.client.send_all(more)
    check(server, events + more)
    assert server.stop() == 0
    server.verify()
    assert not list(server.data.glob("p*/state/data.mdb")) and len(list(server.data.glob("p*/state.1/data.mdb"))) == 2
    server.start()
    assert status(server.client)["status"] == "complete"
    check(server, events + more)


@pytest.mark.parametrize("point", ["in_backfill:1000", "in_backfill:5000", "before_switch:1", "before_switch:2", "in_switch:1",
                                   "in_switch:2", "in_switch:3", "in_switch:4", "after_switch:1", "after_switch:2"])
def test_killed_at_any_moment(fed, point):
    server, events = fed
    configured(server)
    server.start(env={"HEADRACE_KILL_POINT": point}, may_be_killed=True)
    assert server.process.wait(60) == -signal.SIGKILL, "it passed the kill point"
    server.start()
    more = some_events(6_000, 300)
    server.client.send_all(more)
    wait_complete(server.client)
    check(server, events + more)
    assert server.stop() == 0
    server.verify()


def test_back_to_what_was(fed):
    server, events = fed
    configured(server)
    server.start()
    wait_complete(server.client)
    check(server, events)
    assert server.stop() == 0
    configured(server, "")
    server.start()
    wait_complete(server.client)
    assert is_new(server.client, 3) == (None, None)
    assert server.stop() == 0
    server.verify()


DISCOUNT = {"entity": "session", "name": "discounts", "aggregate": "sum", "events": "purchase", "value": "discount", "window": "all_time"}


def test_a_definition_added_to_the_running_server(fed):
    server, events = fed
    server.start()
    client = server.client
    added = good(client.post("/admin/features", json=DISCOUNT))
    assert added["status"] == "added"
    wait_complete(client)
    # Of events from now on the session's home is told the field, wherever the event is at home.
    for n in range(40):
        client.send(event("purchase", f"someone{n}", "c1", "s-new", event_id=f"d{n}", discount=2.5))
    assert of(client, "session", "s-new")["discounts"] == 100
    names = {(one["entity"], one["name"]) for one in good(client.get("/internal/features/definitions"))["definitions"]}
    assert ("session", "discounts") in names
    assert good(client.post("/admin/features", json=DISCOUNT))["status"] == "unchanged"
    assert client.post("/admin/features", json={**DISCOUNT, "value": "price"}).status_code == 409
    assert client.post("/admin/features", json={**DISCOUNT, "name": "adds"}).status_code == 409
    for wrong, at in (({"events": "a b c"}, "events"), ({"aggregate": "median"}, "aggregate"), ({"name": "Bad"}, "name"), ({"value": ""}, "value")):
        reply = client.post("/admin/features", json={**DISCOUNT, "name": "other", **wrong})
        assert reply.status_code == 422 and at in reply.text, reply.text
    row = run("training-set", "--data", str(server.data), "--labels", "/dev/stdin", "--entity-kind", "session", "--features", "discounts",
              input=f"entity,time\ns-new,{now(1)}\n")
    assert row.stdout.splitlines()[1].endswith(",100"), row.stdout + row.stderr
    assert client.post("/admin/features", json=DISCOUNT, key=None).status_code == 401
    assert server.stop() == 0
    server.verify()
    server.start()
    assert status(server.client)["status"] == "complete" and of(server.client, "session", "s-new")["discounts"] == 100
    server.kill()
    server.start()
    assert good(server.client.request("DELETE", "/admin/features/session/discounts"))["status"] == "removed"
    assert server.client.request("DELETE", "/admin/features/session/discounts").status_code == 404
    assert server.client.request("DELETE", "/admin/features/cart/adds").status_code == 404
    wait_complete(server.client)
    assert "discounts" not in of(server.client, "session", "s-new")
    assert server.stop() == 0
    server.verify()
