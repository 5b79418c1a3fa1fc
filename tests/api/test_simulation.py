"""POST /api/simulate: events of a made-up shop, in the log like any others, and features and predictions that follow from them."""
import collections
import uuid

import pytest

import harness
from harness import good

TYPES = {"page_view", "product_view", "search", "add_to_cart", "remove_from_cart", "checkout_start", "purchase"}


@pytest.fixture(scope="module")
def client(tmp_path_factory, exchanges):
    running = harness.Headrace(tmp_path_factory.mktemp("simulation"), exchanges, args=["--loops", "2"]).start()
    yield running.client
    assert running.stop() == 0


def simulate(client, headers=None, **wish):
    return client.post("/api/simulate", json=wish, headers=headers or {})


def logged(client, **wanted):
    """All events of the log that fit."""
    events, cursor = [], None
    while True:
        page = client.query(limit=1000, **wanted, **({"cursor": cursor} if cursor else {}))
        events += page["events"]
        if not (cursor := page.get("next_cursor")):
            return events


def test_random_events_are_whole_visits_of_the_last_day(client):
    before = {event["event_id"] for event in logged(client)}
    assert good(simulate(client, num_events=1300, event_type="random")) == {"status": "success", "events_generated": 1300}
    events = [event for event in logged(client) if event["event_id"] not in before]
    assert len(events) == 1300 == len({event["event_id"] for event in events})
    assert {event["event_type"] for event in events} == TYPES
    carts = collections.Counter(event["data"]["cart_id"] for event in events if event["event_type"] == "add_to_cart")
    cart, added = carts.most_common(1)[0]
    features = good(client.get(f"/internal/features/{cart}"))["features"]
    assert features["adds"] == added, features
    assert 0 <= good(client.get(f"/api/predict/{cart}"))["probability"] <= 1


def test_one_type_and_the_default_number(client):
    searches = len(logged(client, event_type="search"))
    assert good(simulate(client, event_type="search"))["events_generated"] == 1000
    assert len(logged(client, event_type="search")) == searches + 1000
    assert good(simulate(client, num_events=1)) == {"status": "success", "events_generated": 1}


def test_two_simulations_are_two_days(client):
    purchases = len(logged(client, event_type="purchase"))
    for _ in range(2):
        assert good(simulate(client, num_events=200, event_type="purchase"))["events_generated"] == 200
    assert len(logged(client, event_type="purchase")) == purchases + 400, "none was taken for a repetition"


def test_asked_for_twice_with_one_idempotency_key_it_happens_once(client):
    headers, wish = {"Idempotency-Key": uuid.uuid4().hex}, {"num_events": 50, "event_type": "checkout_start"}
    before = len(logged(client, event_type="checkout_start"))
    first, again = simulate(client, headers, **wish), simulate(client, headers, **wish)
    assert first.json() == again.json() and again.headers["Idempotency-Replayed"] == "true"
    assert len(logged(client, event_type="checkout_start")) == before + 50


@pytest.mark.parametrize("wish, names", [({"num_events": 0}, "num_events"), ({"num_events": 10_001}, "num_events"),
                                         ({"num_events": "many"}, "num_events"), ({"num_events": 1.5}, "num_events"),
                                         ({"event_type": "earthquake"}, "event_type")])
def test_what_cannot_be_is_refused(client, wish, names):
    refused = simulate(client, **wish)
    assert refused.status_code == 400 and names in refused.json()["details"], refused.text
