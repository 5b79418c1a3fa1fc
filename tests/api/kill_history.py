"""A history of kills: one data directory, whose server works, is killed, and must have everything afterwards, again and again.

Each life is loaded by producers and, as its plan says, back-fills changed definitions, erases a person, or drops what is old;
the process dies at a kill point (storage/kill_point.h), at a random moment, or while it starts. The start of the next life
is the recovery that is looked at: the log is read on from where it was read last. At the end all of it is read again.
"""
import json
import random
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field

import requests

from harness import Headrace, good
from producer import Producer
from witness import Witness

PARTITIONS, PRODUCERS = 2, 3
LIVELY = 60         # requests of a producer; after them it goes on slowly, for what comes by the clock
CHECKED_EVERY = 25  # cycles: stopped by SIGTERM, `log verify` and `replay --verify`
POINT_S = 4         # for a kill point to be passed
GLIMPSE = "glimpse"  # a type of events that are dropped after a second
DEFINED = '[[features]]\nentity = "cart"\nname = "adds_again"\naggregate = "count"\nevents = "add_to_cart"\nvalue = ""\nwindow = "all_time"\n'

# Name -> a life ends at one of so many first times that it is passed.
ALWAYS = {"after_append": 150, "before_sync": 80, "after_sync": 80, "in_checkpoint": 3, "in_ckpt_write": 3}
IN_TIME = {"in_repack": 6, "in_base": 4, "in_backfill": 200, "before_switch": 2, "in_switch": 4, "after_switch": 2}
FORGETTING = {"in_retention": 4, "in_erase": 6, "in_compaction": 3}
OF_BACKFILL = {"in_backfill", "before_switch", "in_switch", "after_switch"}
OF_ERASURE = {"in_erase", "in_compaction"}


@dataclass
class Plan:
    """How one life ends, and what it does beside its load."""
    point: str = ""       # empty: at a random moment
    count: int = 1        # the n-th time that the point is passed
    in_start: bool = False
    long: bool = False
    redefines: bool = False
    erases: bool = False


@dataclass
class Figures:
    """What histories came to; they add up."""
    kills: int = 0
    events: int = 0
    predictions: int = 0
    erased: int = 0
    verified: int = 0
    at_points: Counter = field(default_factory=Counter)
    missed: Counter = field(default_factory=Counter)  # the point was not passed in time: killed by hand

    def add(self, more):
        for name, value in vars(more).items():
            setattr(self, name, getattr(self, name) + value)


class Worker(Producer):
    """Lively at first, with events that fill segments."""

    def _event(self, number):
        event = super()._event(number)
        event["data"]["noise"] = f"{random.Random(number * 7 + self.number).getrandbits(800):x}"
        return event

    def _run(self, port):
        try:
            super()._run(port)
        except Exception:
            self.problem = traceback.format_exc()

    def _note(self, status, body, ids):
        refused = status == 503 or (status == 200 and any(one["status"] == "rejected" for one in json.loads(body).get("results", [])))
        if refused and ids:
            self.answered += 1  # an erasure has a partition; it is sent again whole: what was taken is a duplicate then
        else:
            super()._note(status, body, ids)
        if refused or self.answered > LIVELY:
            time.sleep(0.02)


class History:
    """`forgets`: retention and erasures are part of it, so that records may be gone before they are read."""

    def __init__(self, directory, seed, forgets=False):
        self.dice, self.forgets = random.Random(seed), forgets
        directory.mkdir(parents=True, exist_ok=True)
        self.config = directory / "headrace.toml"
        self.server = Headrace(directory, args=["--config", str(self.config)])
        self.producers = [Worker(number, self.dice.random()) for number in range(PRODUCERS)]
        self.witness = Witness(gaps=forgets)
        self.acked, self.predictions = {}, set()
        self.erasures, self.persons, self.defined = {}, 0, False
        self.figures = Figures()
        self._configure()

    def run(self, cycles, stopping=lambda: False):
        """So many kills; what they came to."""
        try:
            for cycle in range(cycles):
                if stopping():
                    return self.figures
                self.cycle(self._plan(cycle))
                if cycle % CHECKED_EVERY == CHECKED_EVERY - 1:
                    self._check_stopped()
            self.end()
        finally:
            self._rest()
            self.server.kill()
        return self.figures

    def cycle(self, plan):
        """A start, what the last life left, a life, its end. Whether it died at its point."""
        if plan.redefines:
            self.defined = not self.defined
            self._configure()
        died = self._die_in_start() if plan.in_start else self._live(plan)
        self.figures.kills += 1
        if plan.point:
            (self.figures.at_points if died else self.figures.missed)[plan.point] += 1
        return died

    def end(self):
        """Everything once more, from the first record on."""
        self.server.start()
        self._check_last_life()
        self._wait_for("/admin/features/backfill", lambda said: said["status"] == "complete")
        for erasure, person in self.erasures.items():
            self._wait_for(f"/admin/erasures/{erasure}", lambda said: said["state"] == "done")
            assert self.server.client.query(user_id=person)["events"] == [], f"{person} was erased"
        whole = Witness(gaps=self.forgets)
        whole.read(self.server, PARTITIONS)
        whole.check(self.acked)
        whole.check_predictions(self.predictions)
        self._check_features()
        self._check_stopped()
        self._check_erased()

    # Plans.

    def _plan(self, cycle):
        points = ALWAYS | IN_TIME | (FORGETTING if self.forgets else {})
        if cycle % 2 == 0:
            return self._at_random()
        point = self.dice.choice(sorted(points))
        return Plan(point, self.dice.randint(1, points[point]), redefines=point in OF_BACKFILL, erases=point in OF_ERASURE)

    def _at_random(self):
        return Plan(in_start=self.dice.random() < 0.2, long=self.dice.random() < 0.1, redefines=self.dice.random() < 0.1,
                    erases=self.forgets and self.dice.random() < 0.1)

    def _configure(self):
        text = "segment_bytes = 65536\nbase_every = 2\n"
        text += f'[retention.types]\n"{GLIMPSE}" = "1s"\n' if self.forgets else ""
        self.config.write_text(text + (DEFINED if self.defined else ""))

    # Lives.

    def _die_in_start(self):
        self.server.launch()
        time.sleep(self.dice.uniform(0, 0.15))
        self.server.kill()
        return False

    def _live(self, plan):
        env = {"HEADRACE_KILL_POINT": f"{plan.point}:{plan.count}"} if plan.point else None
        self.server.start(env, may_be_killed=bool(plan.point))
        try:
            self._check_last_life()
        except requests.RequestException:
            self._must_be_at(plan)
        self._load(plan)
        return self._await_death(plan)

    def _load(self, plan):
        if not self.server.running():
            return
        for one in self.producers:
            one.answered = 0
            one.start(self.server.client.port)
        try:
            if self.forgets:
                self._send_what_goes(plan.erases)
        except requests.RequestException:
            self._must_be_at(plan)

    def _must_be_at(self, plan):
        """A request found no server."""
        assert plan.point, "the server broke a connection:\n" + self.server.stderr()[-3000:]

    def _await_death(self, plan):
        if plan.point:
            self._until(lambda: False, POINT_S)
        elif plan.long:
            self._until(lambda: False, self.dice.uniform(0.3, 1.5))
        else:
            enough = self.dice.randint(1, 2 * LIVELY)
            self._until(lambda: sum(one.answered for one in self.producers) >= enough, POINT_S)
        died = not self.server.running()
        self.server.kill()
        self._rest()
        assert not died or plan.point, "the server died without being killed:\n" + self.server.stderr()[-3000:]
        assert not died or self.server.process.returncode == -9, f"exit {self.server.process.returncode}:\n" + self.server.stderr()[-3000:]
        return died

    def _until(self, holds, seconds):
        until = time.monotonic() + seconds
        while self.server.running() and time.monotonic() < until and not holds():
            time.sleep(0.002)

    def _rest(self):
        for one in self.producers:
            if one.thread is not None:
                one.join()
            assert one.problem is None, one.problem

    def _send_what_goes(self, erases):
        """Events that retention drops; a person that is erased. Never sent again: they are told by no producer."""
        client, mark = self.server.client, self.dice.getrandbits(40)
        noise = [f"{self.dice.getrandbits(800):x}" for _ in range(20)]
        person = f"erase.me-{self.persons}-{mark:x}"
        self.persons += 1
        client.send_all([_event(f"g{mark}-{n}", GLIMPSE, f"visitor-{n}", noise[n]) for n in range(20)])
        if not erases:
            return
        client.send_all([_event(f"x{mark}-{n}", "page_view", person, noise[n]) for n in range(10)])
        reply = client.post("/admin/erasures", json={"user_id": person})
        assert reply.status_code in (202, 409, 503), reply.text  # one at a time, and none beside a back-fill
        if reply.status_code == 202:
            self.erasures[reply.json()["id"]] = person
            self.figures.erased += 1

    # Checks.

    def _check_last_life(self):
        self._take()
        self.witness.read(self.server, PARTITIONS)
        self.witness.check(self.fresh)
        self.witness.check_predictions(self.fresh_predictions)
        self._repeat_some()

    def _take(self):
        self.fresh = {event_id: place for one in self.producers for event_id, place in one.take().items()}
        self.fresh_predictions = set().union(*(one.take_predictions() for one in self.producers))
        self.acked |= self.fresh
        self.predictions |= self.fresh_predictions
        self.figures.events += len(self.fresh)
        self.figures.predictions += len(self.fresh_predictions)

    def _repeat_some(self):
        """Sending an acknowledged event again answers with the place of the first time."""
        if not self.server.running():
            return
        for event_id in self.dice.sample(sorted(self.acked), min(3, len(self.acked))):
            producer, number = (int(text) for text in event_id[1:].split("-"))
            reply = self.server.client.post("/api/events", json=self.producers[producer]._event(number))
            if reply.status_code == 503:  # while an erasure has the partition
                continue
            answer = good(reply)
            assert answer.get("duplicate") is True and (answer["partition"], answer["offset"]) == self.acked[event_id], answer

    def _check_features(self):
        """They hold each event once."""
        adds = Counter(record["event"]["data"]["cart_id"] for record in self.server.events()
                       if record["event"]["event_type"] == "add_to_cart")
        for cart, count in sorted(adds.items()):
            features = self.server.client.features(cart)["features"]
            assert features["adds"] == count, (cart, features, count)
            assert features.get("adds_again") == (count if self.defined else None), (cart, features, count)

    def _check_stopped(self):
        if not self.server.running():
            self.server.start()
        assert self.server.stop(timeout=60) == 0
        self.server.verify()
        self.figures.verified += 1

    def _check_erased(self):
        text = json.dumps(self.server.records()) if self.erasures else ""
        there = [person for person in self.erasures.values() if person in text]
        assert not there, f"erased, and in the log: {there}"

    def _wait_for(self, path, holds, seconds=120):
        until = time.monotonic() + seconds
        while not holds(said := good(self.server.client.get(path))):
            assert time.monotonic() < until, f"{path}: {said}\n" + self.server.stderr()[-2000:]
            time.sleep(0.05)


def _event(event_id, event_type, user, noise):
    return {"event_id": event_id, "event_type": event_type, "data": {"user_id": user, "cart_id": f"cart-of-{user}", "noise": noise}}
