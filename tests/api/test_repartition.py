"""`headrace repartition`: the same events, documents, features and predictions in a directory with another number of partitions."""
import json
import random
import signal
from collections import Counter, defaultdict

import pytest

import harness
from harness import good

USERS, CARTS, EVENTS = 1500, 2500, 12_000
TYPES = ("page_view", "product_view", "add_to_cart", "search", "checkout_start", "purchase")


def shopping(dice):
    """Events in batches. A cart belongs to one user, or goes over to a second one, in a later batch."""
    batches = []
    for batch in range(EVENTS // 1000):
        batches.append([])
        for n in range(1000):
            number, cart = 1000 * batch + n, dice.randrange(CARTS)
            user = (cart if cart % 5 or batch < 6 else cart + 7) % USERS
            data = {"cart_id": f"cart-{cart}", "product_id": f"p{dice.randrange(300)}", "price": dice.randrange(100, 9900) / 100,
                    "quantity": dice.randrange(1, 4), "page_type": dice.choice(["product", "home"])}
            data.update({"user_id": f"user-{user}", "session_id": f"session-{cart}-{batch // 3}"} if cart % 11 else {})
            batches[-1].append({"event_id": f"evt-{number}", "event_type": dice.choice(TYPES), "data": data,
                                "timestamp": f"2025-03-{1 + batch:02d}T{n // 60:02d}:{n % 60:02d}:{dice.randrange(60):02d}Z"})
    return batches


def entities(batches):
    found = defaultdict(set)
    for event in sum(batches, []):
        for kind in ("cart", "user", "session"):
            if key := event["data"].get(f"{kind}_id"):
                found[kind].add(key)
    return {kind: sorted(keys) for kind, keys in found.items()}


def features_of(client, keys_by_kind):
    out = {}
    for kind, keys in keys_by_kind.items():
        for start in range(0, len(keys), 1000):
            answer = good(client.post("/internal/features/compute", json={"entity": kind, "cart_ids": keys[start:start + 1000]}))
            assert not answer["unknown"]
            out.update({(kind, one["cart_id"]): one for one in answer["results"]})
    return out


def probabilities(client, carts):
    answer = good(client.post("/api/predict/batch", json={"cart_ids": carts, "explain": True}))
    assert answer["count"] == len(carts)
    return {one["cart_id"]: (one["probability"], one["features_used"]) for one in answer["predictions"]}


class Old:
    """The directory that is divided anew, and what it answered."""

    def __init__(self, server, batches):
        self.server, self.batches, self.keys = server, batches, entities(batches)
        self.features = features_of(server.client, self.keys)
        self.sample = self.keys["cart"][::10]
        self.probabilities = probabilities(server.client, self.sample)
        assert server.stop() == 0
        self.records = server.records()

    def divide(self, into, partitions, **rest):
        return harness.run("repartition", "--data", str(self.server.data), "--into", str(into), "--partitions", str(partitions), **rest)


@pytest.fixture(scope="module")
def old(tmp_path_factory):
    server = harness.Headrace(tmp_path_factory.mktemp("old"), args=["--partitions", "3"]).start()
    batches = shopping(random.Random(7))
    for batch in batches:
        server.client.send_all(batch)
    server.client.send_all(batches[3])  # duplicates
    for cart in range(1, 40):
        server.client.predict(f"cart-{cart}")
    yield Old(server, batches)
    server.kill()


@pytest.fixture(scope="module", params=[1, 2, 3, 5])
def new(old, tmp_path_factory, request):
    server = harness.Headrace(tmp_path_factory.mktemp(f"new{request.param}"))
    server.partitions = request.param
    done = old.divide(server.data, request.param)
    assert done.returncode == 0, done.stderr[-2000:]
    server.said = done.stdout
    server.before = server.records()
    yield server
    server.kill()


def what_happened(records):
    """Events by id, without their place."""
    return {one["event"]["event_id"]: (one["time"], one["event"]) for one in records if one["kind"] == "event"}


def test_every_event_is_there_once_with_its_time(old, new):
    assert what_happened(new.before) == what_happened(old.records)
    counts = [Counter(one["kind"] for one in records) for records in (old.records, new.before)]
    assert counts[0]["event"] == counts[1]["event"] > EVENTS and counts[0]["put"] == counts[1]["put"] > 0
    assert (counts[1]["fold"] > 0) == (new.partitions > 1)
    assert f"{new.partitions} partitions, {counts[1]['event']} events, {counts[1]['put']} changes" in new.said


def test_every_event_is_at_home_and_in_order(old, new):
    homes, order = {}, defaultdict(list)
    for one in new.before:
        if one["kind"] != "event":
            continue
        key = next((one["event"][name] for name in ("user_id", "session_id", "cart_id") if name in one["event"]), None)
        if key:
            assert homes.setdefault(key, one["partition"]) == one["partition"]
            order[key].append(one["event"]["event_id"])
    assert len(set(homes.values())) == new.partitions
    before = defaultdict(list)
    for one in sorted((one for one in old.records if one["kind"] == "event"), key=lambda one: one["time"]):
        key = next((one["event"][name] for name in ("user_id", "session_id", "cart_id") if name in one["event"]), None)
        before[key].append(one["event"]["event_id"])
    assert all(order[key] == before[key] for key in order)


def test_features_and_predictions_are_the_same(old, new):
    new.start()
    served = features_of(new.client, old.keys)
    assert len(served) == len(old.features) > 4000
    different = [name for name, one in served.items() if one != old.features[name]]
    assert not different, f"{len(different)}, one of them: {served[different[0]]} was {old.features[different[0]]}"
    for cart, (probability, row) in probabilities(new.client, old.sample).items():
        assert probability == pytest.approx(old.probabilities[cart][0], abs=1e-6), cart
        assert row == pytest.approx(old.probabilities[cart][1], rel=1e-5), cart
    new.stop()


def test_it_lives_on(old, new):
    """What was known is a duplicate at its new place, the key is still good, and the state is what the log says."""
    places = {one["event"]["event_id"]: (one["partition"], one["lsn"]) for one in new.before if one["kind"] == "event"}
    new.start()
    for event in random.Random(1).sample(sum(old.batches, []), 200):
        answer = new.client.send(event)
        assert answer["duplicate"] is True and (answer["partition"], answer["offset"]) == places[event["event_id"]]
    cart = old.sample[0]
    more = {"event_id": f"more-{new.partitions}", "event_type": "add_to_cart", "data": {"cart_id": cart, "user_id": "somebody"}}
    assert "duplicate" not in new.client.send(more)
    known = old.features["cart", cart]
    assert new.client.features(cart)["events"] == known["events"] + 1
    found = new.client.query(user_id="user-3", limit=1000)["events"]
    assert found and all(one["data"]["user_id"] == "user-3" for one in found)
    assert new.stop() == 0
    assert new.verify().count("equal") == new.partitions


def test_twice_is_the_same(old, tmp_path):
    """The same records at the same places and the same digests."""
    said = []
    for name in ("one", "two"):
        assert old.divide(tmp_path / name, 5).returncode == 0
        cat = harness.run("log", "cat", "--data", str(tmp_path / name)).stdout
        said.append((cat, harness.run("state", "digest", "--data", str(tmp_path / name)).stdout))
    assert said[0] == said[1] and "partition 4: " in said[0][1]


def test_what_broke_off_is_begun_again(old, tmp_path):
    into = tmp_path / "into"
    for count in (10, EVENTS // 2):
        died = old.divide(into, 2, env={**harness.os.environ, "HEADRACE_KILL_POINT": f"after_append:{count}"})
        assert died.returncode == -signal.SIGKILL and not into.exists()
    assert old.divide(into, 2).returncode == 0
    assert not (tmp_path / "into.tmp").exists()
    lines = harness.run("log", "cat", "--data", str(into)).stdout.splitlines()
    assert what_happened(map(json.loads, lines)) == what_happened(old.records)


def test_it_refuses_what_it_must_not_do(old, tmp_path):
    there = tmp_path / "there"
    there.mkdir()
    done = old.divide(there, 2)
    assert done.returncode == 1 and "exists already" in done.stderr and not list(there.iterdir())
    old.server.start()
    done = old.divide(tmp_path / "into", 2)
    assert done.returncode == 1 and "held by another process" in done.stderr and not (tmp_path / "into").exists()
    assert old.server.stop() == 0
