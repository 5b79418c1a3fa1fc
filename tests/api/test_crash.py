"""kill -9 under load: every acknowledged event is there afterwards, once, in order, and replay agrees.

HEADRACE_KILL_CYCLES says how often (default 5; 200 is the long form); HEADRACE_KILL_SEED repeats a run.
"""
import os
import random
import signal
import time
from collections import Counter

import pytest

from producer import Producer
from witness import Witness

CYCLES = int(os.environ.get("HEADRACE_KILL_CYCLES", "5"))
SEED = int(os.environ.get("HEADRACE_KILL_SEED", "0")) or random.randrange(1, 1 << 30)
KILL_POINTS = ["after_append", "before_sync", "after_sync", "in_checkpoint", "in_ckpt_write"]
PRODUCERS = 4


def partitions_of(server):
    return len([path for path in server.data.iterdir() if path.is_dir() and path.name.startswith("p")])


def let_it_die(server, producers, dice, at_point):
    """Load until the process is killed, by us or at its kill point."""
    if not server.running():
        return True  # its start passed the point
    for one in producers:
        one.start(server.client.port)
    until = time.monotonic() + (4 if at_point else dice.uniform(0.05, 1.2))
    while time.monotonic() < until and server.running():
        time.sleep(0.01)
    died_alone = not server.running()
    server.kill()
    for one in producers:
        one.join()
        assert one.problem is None, one.problem
    assert died_alone <= bool(at_point), "the server died without being killed:\n" + server.stderr()[-3000:]
    return died_alone


def repeat_some(server, acked, dice):
    """Sending an acknowledged event again answers with the place of the first time."""
    for event_id in dice.sample(sorted(acked), min(5, len(acked))):
        producer, number = (int(text) for text in event_id[1:].split("-"))
        answer = server.client.send(Producer(producer, 0)._event(number))
        assert answer.get("duplicate") is True and (answer["partition"], answer["offset"]) == acked[event_id]


def count_adds(server, witness_events):
    """The features hold each event once."""
    adds = Counter(event["data"]["cart_id"] for event in witness_events if event["event_type"] == "add_to_cart")
    assert adds
    for cart, count in sorted(adds.items()):
        assert server.client.features(cart)["features"]["adds"] == count, cart


def test_killed_at_any_moment_nothing_acknowledged_is_lost(fresh_server):
    print(f"HEADRACE_KILL_SEED={SEED}, {CYCLES} cycles")
    dice = random.Random(SEED)
    producers = [Producer(number, dice.random()) for number in range(PRODUCERS)]
    witness, at_points, acked_total = Witness(), Counter(), 0
    server = fresh_server()
    for cycle in range(CYCLES):
        server.kill()
        at_point = KILL_POINTS[cycle // 2 % len(KILL_POINTS)] if cycle % 2 else None
        most = 3 if at_point in ("in_checkpoint", "in_ckpt_write") else 400
        point = {"HEADRACE_KILL_POINT": f"{at_point}:{dice.randint(1, most)}"} if at_point else None
        server.start(point, may_be_killed=bool(at_point))
        at_points[at_point] += let_it_die(server, producers, dice, at_point)
        acked = {event_id: place for one in producers for event_id, place in one.take().items()}
        acked_total += len(acked)
        server.start()
        witness.read(server, partitions_of(server))
        witness.check(acked)
        repeat_some(server, acked, dice)
        if CYCLES <= 10 or cycle % 20 == 0:
            assert server.stop() == 0
            server.verify()
            server.start()
    count_adds(server, [record["event"] for record in server.events() if "number" in record["event"]["data"]])
    assert server.stop() == 0
    server.verify()
    assert acked_total > 20 * CYCLES
    print(f"{CYCLES} kills, {acked_total} events acknowledged, died at points: {dict(at_points)}")


@pytest.mark.parametrize("point", KILL_POINTS)
def test_every_kill_point_is_reached(fresh_server, point):
    """A kill point that nothing passes would make the test above weaker than it says."""
    server = fresh_server()
    server.stop()
    server.start({"HEADRACE_KILL_POINT": f"{point}:1"}, may_be_killed=True)
    producer = Producer(0, 1)
    assert let_it_die(server, [producer], random.Random(1), point), f"{point} was not passed"
    assert server.process.returncode == -signal.SIGKILL
    server.start()
    witness = Witness()
    witness.read(server, partitions_of(server))
    witness.check(producer.take())
