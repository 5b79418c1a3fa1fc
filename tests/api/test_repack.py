"""Sealed segments are rewritten while the server serves: same answers, same log, less read."""
import re
import signal
import time
from hashlib import blake2b
from pathlib import Path

import pytest

from shopping import event

CONFIG = "segment_bytes = 65536\n"
TIMING = re.compile(r'log;desc="frames (\d+) of (\d+), records (\d+)";dur=[\d.]+')


def small_segments(tmp_path, more=""):
    path = Path(tmp_path) / "small.toml"
    path.write_text(CONFIG + more)
    return ["--config", str(path)]


def feed(server, name, count=6000, users=40):
    """Events of many users, a minute apart; with data that does not compress, so that segments fill up."""
    people = [name("user") for _ in range(users)]
    events = [event(("page_view", "add_to_cart", "search")[n % 3], people[(n * 7 + n // 11) % users], cart=f"cart-{n // 9}",
                    session=f"session-{n // 5}", event_id=name("evt"), noise=blake2b(b"%d" % n).hexdigest(),
                    time=f"2025-03-{1 + n // 1440:02d}T{n // 60 % 24:02d}:{n % 60:02d}:00.000000Z")
              for n in range(count)]
    server.client.send_all(events)
    return people, events


def metric(server, what):
    text = server.client.get("/metrics").text
    return sum(float(value) for value in re.findall(rf"^{what}(?:_total)?{{[^}}]*}} (\S+)$", text, re.MULTILINE))


def wait_until_rewritten(server, at_least=4, seconds=60):
    """A segment may be rewritten once both checkpoints are behind it: it takes a little traffic."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if metric(server, "headrace_log_segments_rewritten") >= at_least:
            return
        server.client.send(event("ping", "somebody"))
        time.sleep(0.2)
    raise AssertionError("no segment was rewritten:\n" + server.stderr()[-3000:])


def questions(people, events):
    some = events[len(events) // 2]
    return [{"user_id": people[3], "limit": 50}, {"user_id": people[7], "event_type": "search", "limit": 20},
            {"cart_id": some["data"]["cart_id"]}, {"session_id": some["data"]["session_id"]},
            {"event_id": some["event_id"]}, {"event_id": "no-such-event"}, {"event_type": "page_view", "limit": 30},
            {"user_id": people[1], "start_time": "2025-03-02T00:00:00Z", "end_time": "2025-03-03T00:00:00Z"},
            {"start_time": "2025-03-03T05:00:00Z", "end_time": "2025-03-03T06:00:00Z", "limit": 7},
            {"user_id": "nobody"}]


def answers(client, asked):
    """All pages of all questions."""
    out = []
    for question in asked:
        page = client.query(**question)
        pages = [page["events"]]
        while page.get("next_cursor"):
            page = client.query(**question, cursor=page["next_cursor"])
            pages.append(page["events"])
        out.append(pages)
    return out


def places(records):
    return {(one["partition"], one["lsn"]) for one in records}


def timing(client, **question):
    found = TIMING.fullmatch(client.get("/api/events", params=question).headers["Server-Timing"])
    assert found, "Server-Timing has another form"
    return tuple(int(text) for text in found.groups())


def test_queries_answer_the_same_before_and_after(fresh_server, tmp_path, name):
    server = fresh_server(args=small_segments(tmp_path, "repack = false\n"))
    people, events = feed(server, name)
    asked = questions(people, events)
    before, _, records_before = answers(server.client, asked), *timing(server.client, user_id=people[3])[1:]
    assert sum(len(page) for page in before[0]) == sum(one["data"]["user_id"] == people[3] for one in events)
    cursor = server.client.query(user_id=people[3], limit=50)["next_cursor"]
    rest = server.client.query(user_id=people[3], limit=50, cursor=cursor)["events"]
    assert server.stop() == 0
    raw = server.records()

    server.args = small_segments(tmp_path)
    server.start()
    wait_until_rewritten(server)
    assert answers(server.client, asked) == before
    assert server.client.query(user_id=people[3], limit=50, cursor=cursor)["events"] == rest, "a cursor outlives a rewrite"
    read, seen, records = timing(server.client, event_id=events[10]["event_id"])
    assert read < seen and records < records_before, (read, seen, records, records_before)
    assert metric(server, "headrace_log_rewrites") >= 4 and metric(server, "headrace_log_rewrite_failures") == 0
    assert server.stop() == 0
    assert [one for one in server.records() if (one["partition"], one["lsn"]) in places(raw)] == raw
    server.verify()
    info = server.command("log", "info").stdout
    assert re.search(r"in \d+ frames, .*rewritten, [\d.]+:1, index \d+ bytes \(\d+ event ids", info), info


def test_rewritten_while_events_and_queries_arrive(fresh_server, tmp_path, name):
    server = fresh_server(args=small_segments(tmp_path))
    people, events = [], []
    for turn in range(8):
        more_people, more = feed(server, name, 1500, 10)
        people += more_people
        events += more
        user = people[turn]
        found = [one["event_id"] for one in server.client.query(user_id=user, limit=1000)["events"]]
        assert sorted(found) == sorted(one["event_id"] for one in events if one["data"]["user_id"] == user)
    wait_until_rewritten(server)
    assert server.stop() == 0
    server.verify()


@pytest.mark.parametrize("count", [1, 2, 4, 7])
def test_killed_while_a_segment_is_rewritten(fresh_server, tmp_path, name, count):
    server = fresh_server(args=small_segments(tmp_path, "repack = false\n"))
    people, events = feed(server, name, 3000)
    asked = questions(people, events)
    before = answers(server.client, asked)
    assert server.stop() == 0
    raw = server.records()
    server.args = small_segments(tmp_path)
    server.start({"HEADRACE_KILL_POINT": f"in_repack:{count}"}, may_be_killed=True)
    server.process.wait(30)
    assert server.process.returncode == -signal.SIGKILL
    assert server.records() == raw
    server.start()
    assert answers(server.client, asked) == before
    wait_until_rewritten(server, 2)
    assert answers(server.client, asked) == before
    assert server.stop() == 0
    server.verify()
    assert not list(server.data.rglob("*.tmp"))


def test_damage_in_an_index_is_named_and_never_answered(fresh_server, tmp_path, name):
    server = fresh_server(args=[*small_segments(tmp_path), "--partitions", "1"])
    people, events = feed(server, name, 3000)
    wait_until_rewritten(server, 2)
    good = answers(server.client, questions(people, events)[:1])
    first = sorted(server.data.rglob("*.seg"))[1]  # the one before holds nothing but the key
    content = bytearray(first.read_bytes())
    content[-2000] ^= 0x10  # in the last block of the index: carts
    first.write_bytes(content)
    reply = server.client.get("/api/events", params={"cart_id": "cart-9999999"})
    assert reply.status_code in (200, 500)
    if reply.status_code == 200:
        assert reply.json()["events"] == []
    assert answers(server.client, questions(people, events)[:1]) == good, "another part of the index is whole"
    server.stop()
    done = server.command("log", "verify")
    assert done.returncode == 1 and first.name in done.stdout, done.stdout
