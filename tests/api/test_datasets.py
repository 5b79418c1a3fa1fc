"""Real shopping streams, whole, through POST /api/events/batch: in order, shuffled, and with repeats.

HEADRACE_DATASETS names the folder that holds them; without it these tests do not run, and the summary says so.
How a row becomes an event stands in datasets.py.
"""
import os
import random
from collections import Counter, defaultdict

import pytest

import datasets
import feature_reference
from harness import Headrace

FOLDER = os.environ["HEADRACE_DATASETS"]
SEED = 20251122
BATCH = 1000


@pytest.fixture(scope="module")
def streams():
    return {name: datasets.load(FOLDER, name) for name in datasets.SETS}


def in_order(events):
    return events


def shuffled(events):
    mixed = list(events)
    random.Random(SEED).shuffle(mixed)
    return mixed


def with_repeats(events):
    """One event in five comes again: at once, or some thousand events later."""
    dice, out, later = random.Random(SEED), [], []
    for one in events:
        out.append(one)
        chance = dice.random()
        if chance < 0.1:
            out.append(one)
        elif chance < 0.2:
            later.append(one)
        if len(later) > 300:
            dice.shuffle(later)
            out += later
            later = []
    return out + later


ORDERS = {"in order": in_order, "shuffled": shuffled, "with repeats": with_repeats}


def entities(events, kind, dice, count):
    """Some entities worth a look: the largest, and others with at least three events."""
    key = feature_reference.KEYS[kind]
    sizes = Counter(one["data"][key] for one in events)
    largest = sizes.most_common(1)[0][0]
    rest = sorted(name for name, size in sizes.items() if size >= 3 and name != largest)
    return [largest, *dice.sample(rest, count - 1)]


@pytest.fixture(scope="module")
def chosen(streams):
    """(set, kind, key): ten carts, and some users and sessions, of all sets."""
    dice, out = random.Random(SEED), []
    for name, events in streams.items():
        out += [(name, "cart", key) for key in entities(events, "cart", dice, 3)]
        out += [(name, "user", key) for key in entities(events, "user", dice, 3)]
        out += [(name, "session", key) for key in entities(events, "session", dice, 2)]
    assert sum(kind == "cart" for _, kind, _ in out) >= 10
    return out


@pytest.fixture(scope="module")
def about(streams, chosen):
    """(kind, key) -> its events, found in one pass."""
    wanted = {(kind, key) for _, kind, key in chosen}
    found = defaultdict(list)
    for events in streams.values():
        for one in events:
            for kind, member in feature_reference.KEYS.items():
                if (kind, one["data"][member]) in wanted:
                    found[kind, one["data"][member]].append(one)
    return found


class Fed:
    """What one server said while and after it was fed."""

    def __init__(self, server):
        self.server, self.statuses, self.places = server, Counter(), {}
        self.features = {}

    def send(self, events):
        for answer in self.server.client.send_all(events, BATCH):
            for one in answer["results"]:
                self.statuses[one["status"]] += 1
                place = (one["partition"], one["offset"])
                assert self.places.setdefault(one["event_id"], place) == place, "a repeat has the place of the first time"


@pytest.fixture(scope="module", params=list(ORDERS))
def fed(request, tmp_path_factory, exchanges, streams, chosen):
    order = ORDERS[request.param]
    server = Headrace(tmp_path_factory.mktemp("fed"), exchanges).start()
    done = Fed(server)
    try:
        if order is shuffled:
            done.send(order([one for events in streams.values() for one in events]))
        else:
            for events in streams.values():
                done.send(order(events))
        for _, kind, key in chosen:
            reply = server.client.get(f"/internal/features/{key}", params={"entity": kind})
            assert reply.status_code == 200, f"{kind} {key}: {reply.text}"
            done.features[kind, key] = reply.json()["features"]
        done.order = request.param
        assert server.stop(60) == 0
        yield done
    finally:
        server.kill()


def test_every_event_is_acknowledged(fed, streams):
    total = sum(len(events) for events in streams.values())
    assert fed.statuses["submitted"] == len(fed.places) == total
    assert fed.statuses["rejected"] == 0
    assert (fed.statuses["duplicate"] > total // 6) == (fed.order == "with repeats")


def test_the_log_holds_each_event_once_where_it_was_acknowledged(fed, streams):
    logged = {}
    for record in fed.server.events():
        event = record["event"]
        if event["event_id"] in fed.places:
            assert event["event_id"] not in logged
            logged[event["event_id"]] = (record["partition"], record["lsn"])
    assert logged == fed.places


def test_log_and_replay_agree(fed):
    fed.server.verify()


def test_features_equal_an_independent_computation(fed, chosen, about):
    definitions = feature_reference.documented_definitions()
    compared = 0
    for _, kind, key in chosen:
        events = about[kind, key]
        if not feature_reference.is_exact(events, kind, key, shuffled=fed.order == "shuffled"):
            continue
        wanted = feature_reference.features(events, kind, key, definitions=definitions)
        got = fed.features[kind, key]
        wrong = {name: (got.get(name), value) for name, value in wanted.items()
                 if not feature_reference.same(got.get(name), value)}
        assert not wrong, f"{kind} {key}, {len(events)} events: (served, computed) {wrong}"
        compared += 1
    assert compared >= 20, f"only {compared} of {len(chosen)} could be compared exactly"


def test_carts_move_with_each_event(fresh_server, streams):
    """Ten carts event by event: after each, the features are those of the prefix, and the prediction follows."""
    client = fresh_server().client
    definitions = feature_reference.documented_definitions()
    dice = random.Random(SEED)
    for name in ("rees46_events", "taobao_burst_2h"):
        by_cart = defaultdict(list)
        for one in streams[name]:
            by_cart[one["data"]["cart_id"]].append(one)
        with_cart = sorted(cart for cart, events in by_cart.items() if 6 <= len(events) <= 25
                           and any(one["event_type"] == "add_to_cart" for one in events))
        for cart in dice.sample(with_cart, 5):
            seen = set()
            for at, one in enumerate(by_cart[cart], start=1):
                client.send(one)
                wanted = feature_reference.features(by_cart[cart][:at], "cart", cart, definitions=definitions)
                got = client.features(cart)["features"]
                wrong = {n: (got.get(n), v) for n, v in wanted.items() if not feature_reference.same(got.get(n), v)}
                assert not wrong, f"{cart} after {at} events: {wrong}"
                seen.add(client.predict(cart)["probability"])
            assert len(seen) > 1, f"{cart}: {len(by_cart[cart])} events did not move its prediction"
