"""GET /api/events: filters, pages, cursors that stay put while events arrive."""
from urllib.parse import quote

import pytest

from shopping import event


def stream(client, name, count=60):
    """`count` events of one user, a minute apart, alternating between two types."""
    user = name("user")
    events = [event(("page_view", "transaction")[n % 2], user, event_id=name("evt"),
                    time=f"2025-03-01T10:{n:02d}:00.000000Z", n=n) for n in range(count)]
    client.send_all(events)
    return user, events


def ids(page):
    return [one["event_id"] for one in page["events"]]


def walk(client, **parameters):
    """All pages by cursor: the ids in order, each page full but the last."""
    pages, cursor = [], None
    while True:
        page = client.query(**parameters, **({"cursor": cursor} if cursor else {}))
        pages.append(ids(page))
        cursor = page.get("next_cursor")
        if not cursor:
            return pages
        assert len(pages[-1]) == parameters["limit"]


def test_filters(client, name):
    user, events = stream(client, name)
    every = client.query(user_id=user, limit=100)
    assert sorted(ids(every)) == sorted(one["event_id"] for one in events)
    assert every["count"] == 60 and every["limit"] == 100 and every["offset"] == 0

    views = client.query(user_id=user, event_type="page_view", limit=100)
    assert sorted(ids(views)) == sorted(one["event_id"] for one in events[0::2])

    some = client.query(user_id=user, start_time="2025-03-01T10:10:00", end_time="2025-03-01T10:19:59", limit=100)
    assert sorted(ids(some)) == sorted(one["event_id"] for one in events[10:20])

    zoned = client.query(user_id=user, start_time="2025-03-01T12:10:00+02:00", end_time="2025-03-01T10:19:59Z", limit=100)
    assert sorted(ids(zoned)) == sorted(ids(some))

    assert client.query(user_id=name("nobody"))["events"] == []


def test_pages_by_offset_make_up_the_whole(client, name):
    user, events = stream(client, name)
    whole = ids(client.query(user_id=user, limit=1000))
    pages = [ids(client.query(user_id=user, limit=25, offset=offset)) for offset in (0, 25, 50, 75)]
    assert [len(page) for page in pages] == [25, 25, 10, 0]
    assert sum(pages, []) == whole


def test_pages_by_cursor_make_up_the_whole(client, name):
    user, events = stream(client, name)
    pages = walk(client, user_id=user, limit=7)
    flat = sum(pages, [])
    assert sorted(flat) == sorted(one["event_id"] for one in events) and len(set(flat)) == len(flat)


def test_a_cursor_is_stable_while_events_arrive(client, name):
    user, events = stream(client, name, 40)
    seen, cursor = [], None
    for turn in range(100):
        page = client.query(user_id=user, limit=9, **({"cursor": cursor} if cursor else {}))
        seen += ids(page)
        cursor = page.get("next_cursor")
        if not cursor:
            break
        if turn < 5:
            client.send(event("page_view", user, event_id=name("late"), time=f"2025-03-01T09:{turn:02d}:00Z"))
            client.send(event("page_view", user, event_id=name("late"), time=f"2025-03-02T09:{turn:02d}:00Z"))
    old = [one for one in seen if not one.startswith("late")]
    assert sorted(old) == sorted(one["event_id"] for one in events), "an old event was lost or came twice"
    assert len(set(seen)) == len(seen)


def test_a_query_without_a_user_sees_every_partition(client, name):
    mark = name("kind")
    events = [event(mark, name("user"), event_id=name("evt")) for _ in range(30)]
    placed = client.send_all(events)[0]["results"]
    assert len({one["partition"] for one in placed}) > 1, "30 users fell into one partition"
    pages = walk(client, event_type=mark, limit=8)
    assert sorted(sum(pages, [])) == sorted(one["event_id"] for one in events)


@pytest.mark.parametrize("query, field", [
    ("limit=-1", "limit"), ("limit=x", "limit"), ("limit=99999999", "limit"), ("offset=-1", "offset"),
    ("start_time=tomorrow", "start_time"), ("end_time=2025-13-01T00:00:00", "end_time"), ("cursor=" + quote("%%%"), "cursor"),
])
def test_a_wrong_parameter_is_named(client, query, field):
    reply = client.get("/api/events?" + query)
    assert reply.status_code in (400, 422), reply.text
    assert field in reply.json()["details"]
