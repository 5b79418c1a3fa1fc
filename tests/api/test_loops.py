"""How many loops serve the partitions changes nothing in what is stored: digests and features, whatever their number."""
import random
import threading

import pytest

from harness import Client, good

SEEDS = range(3)
LOOPS = (1, 2, 4)
TYPES = ("page_view", "product_view", "add_to_cart", "search", "checkout_start", "purchase")


def stream(seed, count, mark=""):
    """Events that name users, sessions and carts at home everywhere, some late, some with odd numbers."""
    dice = random.Random(seed)
    events = []
    for n in range(count):
        who = dice.randrange(12)
        price = dice.choice([dice.randrange(1, 9999) / 100, dice.random() * 10 ** dice.randrange(-6, 9), -1.5, "12.5"])
        data = {"user_id": f"u{mark}{who}", "session_id": f"s{mark}{dice.randrange(20)}", "cart_id": f"c{mark}{dice.randrange(20)}",
                "product_id": f"p{dice.randrange(40)}", "price": price, "quantity": dice.randrange(4)}
        for key in dice.sample(["user_id", "session_id", "cart_id"], dice.randrange(3)):
            del data[key]
        minute = max(0, n - dice.choice([0, 0, 0, dice.randrange(1 + n)]))
        events.append({"event_id": f"e{mark}{seed}-{n}", "event_type": dice.choice(TYPES), "data": data,
                       "timestamp": f"2025-04-{1 + minute // 1440:02d}T{minute // 60 % 24:02d}:{minute % 60:02d}:07Z"})
    return events


def features(client, events):
    out = {}
    for kind in ("user", "session", "cart"):
        keys = sorted({event["data"][f"{kind}_id"] for event in events if f"{kind}_id" in event["data"]})
        answer = good(client.post("/internal/features/compute", json={"entity": kind, "cart_ids": keys}))
        assert answer["count"] == len(keys)
        out.update({(kind, one["cart_id"]): one for one in answer["results"]})
    return out


def server_with(fresh_server, loops, seed):
    return fresh_server(f"loops{loops}-{seed}", args=["--partitions", "4", "--loops", str(loops)])


@pytest.mark.parametrize("seed", SEEDS)
def test_one_request_after_the_other_ends_in_the_same_digest(fresh_server, seed):
    said = {}
    for loops in LOOPS:
        server = server_with(fresh_server, loops, seed)
        for event in stream(seed, 250):
            server.client.send(event)
        assert len(good(server.client.get("/health/detailed"))["partitions"]) == 4
        assert good(server.client.get("/health/detailed"))["loops"] == loops
        assert server.stop() == 0
        server.verify()
        said[loops] = server.command("state", "digest").stdout
    assert said[1].count("partition") == 4 and said[2] == said[1] and said[4] == said[1]


def test_requests_side_by_side_end_in_the_same_features(fresh_server):
    """Each client has users of its own, so the order in which they take turns decides nothing."""
    parts = [stream(7, 300, mark=f"{who}-") for who in range(4)]
    said = {}
    for loops in LOOPS:
        server = server_with(fresh_server, loops, 7)

        def send(part, url=server.url):
            Client(url, None).send_all(part, size=7)

        threads = [threading.Thread(target=send, args=(part,)) for part in parts]
        [one.start() for one in threads]
        [one.join() for one in threads]
        said[loops] = features(server.client, sum(parts, []))
        assert server.stop() == 0
        server.verify()
    assert len(said[1]) > 150 and said[2] == said[1] and said[4] == said[1]
