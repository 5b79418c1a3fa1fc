"""Bases: made by a serving process and by a command; a start from one; a log whose front is gone; kills while one is made."""
import re
import shutil
import signal
import time

import pytest

from shopping import event
from test_repack import feed, metric, small_segments


def bases_of(server):
    return sorted(server.data.glob("p*/base-*/BASE"))


def forget_state(server):
    for partition in server.data.glob("p*"):
        (partition / "CKPT").unlink()
        shutil.rmtree(partition / "state")


def counts(server, people):
    """How many events each user has, as its features say."""
    reply = server.client.post("/internal/features/compute", json={"cart_ids": people, "entity": "user"})
    assert reply.status_code == 200, reply.text
    return {one["cart_id"]: (one["events"], one["features"]) for one in reply.json()["results"]}


def wait_for_base(server, at_least=1, seconds=60):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if metric(server, "headrace_bases") >= at_least:
            return
        server.client.send(event("ping", "somebody"))
        time.sleep(0.1)
    raise AssertionError("no base was made:\n" + server.stderr()[-3000:])


def test_a_server_makes_bases_and_starts_from_one(fresh_server, tmp_path, name):
    server = fresh_server(args=[*small_segments(tmp_path, "base_every = 2\n"), "--partitions", "2"])
    people, _ = feed(server, name)
    wait_for_base(server, 2)
    before = counts(server, people)
    assert len(before) == len(people)
    assert metric(server, "headrace_base_lsn") > 0 and metric(server, "headrace_base_failures") == 0
    assert metric(server, "headrace_base_created_timestamp_seconds") > 1e9
    assert server.stop() == 0
    assert bases_of(server)
    assert "begun with the base of LSN" in server.verify()
    forget_state(server)
    server.start()
    assert counts(server, people) == before
    assert server.stop() == 0
    server.verify()


def test_a_log_that_begins_later(fresh_server, tmp_path, name):
    server = fresh_server(args=[*small_segments(tmp_path, "base_every = 0\n"), "--partitions", "1"])
    people, events = feed(server, name)
    before = counts(server, people)
    assert server.stop() == 0
    assert not bases_of(server)
    made = server.command("base")
    assert made.returncode == 0 and re.search(r"partition 0: base of LSN \d+", made.stdout), made.stdout + made.stderr
    segments = sorted(server.data.glob("p000/log/*.seg"))
    for segment in segments[:-1]:  # the base is of the end
        segment.unlink()
    verified = server.command("log", "verify")
    lost, = re.findall(r"acknowledged records are lost, LSN (\d+) to (\d+)", verified.stdout)
    assert verified.returncode == 1 and lost[0] == "1" and "p000/log" in verified.stdout, verified.stdout
    refused = server.command("serve", "--listen", "127.0.0.1:0")
    assert refused.returncode != 0 and f"LSN 1 to {lost[1]}" in refused.stderr, refused.stderr
    repaired = server.command("log", "repair", "--partition", "0", "--by", "ann", "--accept-loss", f"1..{lost[1]}")
    assert repaired.returncode == 0 and f"behind LSN 1..{lost[1]}" in repaired.stdout, repaired.stdout + repaired.stderr
    server.start()
    assert counts(server, people) == before
    found = server.client.query(user_id=people[0], limit=1000)["events"]
    assert 0 < len(found) < sum(one["data"]["user_id"] == people[0] for one in events)
    server.client.send(event("ping", people[0]))
    assert server.stop() == 0
    verified = server.verify()
    assert "begun with the base of LSN" in verified
    first = server.records()[0]["lsn"]
    verified = server.command("log", "verify")
    assert first > 1 and f"partition 0: LSN {first}.." in verified.stdout and verified.returncode == 0
    assert f"begins at LSN {first} as signed" in verified.stdout and "repair by ann" in verified.stdout
    forget_state(server)
    server.start()
    assert counts(server, people)[people[1]] == before[people[1]]
    assert server.stop() == 0

    forget_state(server)
    for base in bases_of(server):
        shutil.rmtree(base.parent)
    with pytest.raises(AssertionError, match="no base leads there"):
        server.start()


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_killed_while_a_base_is_made(fresh_server, tmp_path, name, count):
    server = fresh_server(args=[*small_segments(tmp_path, "base_every = 0\n"), "--partitions", "1"])
    people, _ = feed(server, name, 2000)
    before = counts(server, people)
    assert server.stop() == 0
    server.args = [*small_segments(tmp_path, "base_every = 1\n"), "--partitions", "1"]
    server.start({"HEADRACE_KILL_POINT": f"in_base:{count}"}, may_be_killed=True)
    until = time.monotonic() + 30
    while server.running() and time.monotonic() < until:
        try:
            server.client.post("/api/events", json=event("ping", "somebody"))
        except OSError:
            pass
        time.sleep(0.05)
    assert server.process.wait(30) == -signal.SIGKILL
    forget_state(server)
    server.start()
    assert counts(server, people) == before
    wait_for_base(server, 0)
    assert server.stop() == 0
    server.verify()
    assert all((folder / "BASE").exists() for folder in server.data.glob("p*/base-*"))
