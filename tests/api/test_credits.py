"""Credits: one per prediction, exactly, however many ask at once and whenever the process dies."""
import threading
import time

import pytest
import requests

from harness import Client, Headrace, good
from people import UNLIMITED, Person, bearer, make_key
from shopping import event

CUSTOMER = {"tenure": 5, "monthly_charges": 70, "contract_type": "Month-to-month"}
CHURN = "/api/predict/churn"


@pytest.fixture
def server(tmp_path, exchanges):
    running = Headrace(tmp_path, exchanges, args=["--loops", "2", *UNLIMITED]).start()
    yield running
    if running.running():
        assert running.stop() == 0


def left(person):
    return good(person.client.get("/api/auth/user", key=person.key))["credits_remaining"]


def give(server, person, credits):
    return good(server.client.post(f"/admin/users/{person.id}/credits", json={"credits": credits}))


def with_credits(server, credits, roles=None):
    person = Person(server.client, roles)
    give(server, person, credits - left(person))
    assert left(person) == credits
    return person


def ask(server, key):
    """On a connection of its own: any loop."""
    one = Client(server.url, server.exchanges)
    try:
        return one.post(CHURN, key=key, json=CUSTOMER)
    finally:
        one.session.close()


def test_a_prediction_costs_one_and_without_any_there_is_none(server):
    person = with_credits(server, 3)
    for remaining in (2, 1, 0):
        answer = good(ask(server, person.key))
        assert answer["credits_consumed"] == 1 and left(person) == remaining
    refused = ask(server, person.key)
    assert (refused.status_code, refused.json()["code"]) == (402, "INSUFFICIENT_CREDITS")
    assert left(person) == 0
    assert give(server, person, 2)["credits_remaining"] == 2
    assert ask(server, person.key).status_code == 200 and left(person) == 1
    assert ask(server, None).status_code == 401 and good(server.client.post(CHURN, json=CUSTOMER)), "the platform's own key pays nothing"
    listed = {user["id"]: user for user in good(server.client.get("/admin/users"))["users"]}
    assert listed[person.id]["credits_remaining"] == 1


def test_what_is_refused_costs_nothing(server):
    person = with_credits(server, 5)
    for body, status in [({**CUSTOMER, "contract_type": "Weekly"}, 422), ({}, 422), ({"tenure": 1}, 422)]:
        assert server.client.post(CHURN, key=person.key, json=body).status_code in (400, status)
    assert left(person) == 5


def test_the_token_and_the_keys_of_a_person_pay_from_one_balance(server):
    person = with_credits(server, 10).sign_in()
    good(server.client.post(CHURN, key=None, headers=bearer(person.token), json=CUSTOMER))
    good(server.client.post(CHURN, key=person.key, json=CUSTOMER))
    assert left(person) == 8
    refused = server.client.post(f"/admin/users/{person.id}/credits", json={"credits": -9})
    assert refused.status_code == 422 and left(person) == 8
    assert give(server, person, -8)["credits_remaining"] == 0
    assert ask(server, person.key).status_code == 402


def test_many_at_once_spend_exactly_what_there_is(server):
    person, lock, statuses = with_credits(server, 150), threading.Lock(), []

    def spend():
        for _ in range(30):
            status = ask(server, person.key).status_code
            with lock:
                statuses.append(status)

    threads = [threading.Thread(target=spend) for _ in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert statuses.count(200) == 150 and statuses.count(402) == 90, statuses
    assert left(person) == 0
    paid = [one for one in everything(server.client, person.id)]
    assert len(paid) == 150 and all(one["data"]["charged_credits"] == 1 for one in paid)


def everything(client, user):
    page = client.query(user_id=user, event_type="prediction.completed", limit=1000)
    assert not page.get("next_cursor")
    return page["events"]


def test_carts_cost_as_well_and_a_cached_answer_does_not(server, name):
    person = with_credits(server, 6, ["service", "customer"])
    carts = [name("cart") for _ in range(3)]
    ask_for = Client(server.url, server.exchanges, key=person.key)
    for cart in carts:
        ask_for.send(event("add_to_cart", name("user"), cart=cart))
    good(ask_for.post("/api/predict", json={"cart_id": carts[0]}))
    assert left(person) == 5
    good(ask_for.get(f"/api/predict/{carts[1]}"))
    good(ask_for.get(f"/api/predict/{carts[1]}"))
    assert left(person) == 4, "the second is the first one again"
    assert good(ask_for.post("/api/predict/batch", json={"cart_ids": carts}))["count"] == 3
    assert left(person) == 1
    batch = good(ask_for.post("/api/predict/batch", json={"cart_ids": carts}))
    assert batch["count"] == 1 and {one["code"] for one in batch["failed"]} == {"INSUFFICIENT_CREDITS"} and left(person) == 0


def test_who_runs_low_is_told_once(server):
    person = with_credits(server, 102)
    for _ in range(30):
        good(ask(server, person.key))
    told = [one for one in server.client.query(event_type="user.credit_low")["events"] if one["data"]["user_id"] == person.number]
    assert len(told) == 1 and told[0]["data"]["credits_remaining"] <= 102


@pytest.mark.parametrize("cycle", range(3))
def test_after_a_crash_what_was_answered_is_paid_and_nothing_twice(server, cycle):
    """Killed while six ask: every answer is paid for; what was paid is what the log holds; the state replays to the same."""
    person, answered, lock = with_credits(server, 100_000), [], threading.Lock()

    def spend():
        while True:
            try:
                answer = ask(server, person.key)
                assert answer.status_code == 200
                with lock:
                    answered.append(answer.json()["prediction_id"])
            except (requests.RequestException, ValueError):
                return

    threads = [threading.Thread(target=spend) for _ in range(6)]
    [thread.start() for thread in threads]
    time.sleep(0.4 + 0.2 * cycle)
    server.kill()
    [thread.join() for thread in threads]
    person.client = server.start().client
    logged = {one["event_id"] for one in everything_of(server.client, person.id)}
    assert answered and set(answered) <= logged and len(answered) == len(set(answered))
    assert len(logged) - len(answered) <= 6, "what was on its way when it died"
    assert left(person) == 100_000 - len(logged)
    good(ask(server, person.key))
    assert left(person) == 100_000 - len(logged) - 1
    assert server.stop() == 0
    server.verify()


def everything_of(client, user):
    page = client.query(user_id=user, event_type="prediction.completed", limit=1000)
    while page["events"]:
        yield from page["events"]
        if not page.get("next_cursor"):
            return
        page = client.query(user_id=user, event_type="prediction.completed", limit=1000, cursor=page["next_cursor"])


def test_what_was_paid_outlives_the_erasure_of_whom_it_was_about(server, name):
    person = with_credits(server, 50, ["service", "customer"])
    visitor, cart = name("visitor"), name("cart")
    pay = Client(server.url, server.exchanges, key=person.key)
    pay.send(event("add_to_cart", visitor, cart=cart))
    for _ in range(7):
        good(pay.post("/api/predict", json={"cart_id": cart}))
    assert left(person) == 43
    begun = good(server.client.post("/admin/erasures", json={"user_id": visitor, "tenant": person.id}))  # who registers is a tenant
    wait_for(lambda: good(server.client.get(f"/admin/erasures/{begun['id']}"))["state"] == "done")
    assert left(person) == 43
    paid = list(everything_of(server.client, person.id))
    assert len(paid) == 7 and all(one["data"] == {"charged_credits": 1} and not one.get("cart_id") for one in paid), "no word of the cart is left"
    assert server.stop() == 0
    server.verify()
    person.client = server.start().client
    assert left(person) == 43
    good(ask(server, person.key))
    assert left(person) == 42


def wait_for(condition, timeout=30):
    until = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.05)
