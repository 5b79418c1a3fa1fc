"""How often a caller may ask: as documented, counted exactly across loops, said in headers, changed while the server runs."""
import json
import threading
import time

import pytest

from harness import Client, Headrace, good
from people import UNLIMITED, Person, bearer, make_key
from shopping import event
from ws_wire import TEXT, Wire, frame

HEADERS = ["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "RateLimit-Policy", "RateLimit"]
NO_TOKEN = {"refresh_token": "x" * 43}  # refused at once, and costs nobody anything


@pytest.fixture(scope="module")
def server(tmp_path_factory, exchanges):
    running = Headrace(tmp_path_factory.mktemp("rates"), exchanges, args=["--loops", "2", *UNLIMITED], rated=True).start()
    yield running
    running.stop()


@pytest.fixture
def client(server):
    return server.client


@pytest.fixture
def rates(client):
    """Sets rates while the server runs; as documented afterwards."""
    def to(**values):
        put(client, "/api/config", {f"rates.{name}": value for name, value in values.items()})
    yield to
    put(client, "/api/config", {})


def put(client, path, values):
    return good(client.request("PUT", path, json={"values": values}))


def ask(server, method="GET", path="/api/auth/validate", **more):
    """On a connection of its own, so that any loop may get it."""
    with_own = Client(server.url, server.exchanges)
    try:
        return with_own.request(method, path, **more)
    finally:
        with_own.session.close()


def numbers(reply):
    return int(reply.headers["X-RateLimit-Limit"]), int(reply.headers["X-RateLimit-Remaining"])


def check_refusal(reply, limit):
    assert reply.status_code == 429, reply.text
    assert numbers(reply) == (limit, 0)
    assert 1 <= int(reply.headers["Retry-After"]) <= 3600
    assert abs(int(reply.headers["X-RateLimit-Reset"]) - time.time()) <= 3602
    assert "RATE_LIMIT_EXCEEDED" in reply.text or "details" in reply.json(), "of stream, which has no codes"


# --- the documented numbers


def test_an_address_without_credential_has_a_hundred_an_hour(server):
    """This one uses the allowance of this machine's address up: others that need it raise it."""
    replies = [ask(server, "POST", "/api/auth/refresh", key=None, json=NO_TOKEN) for _ in range(101)]
    assert {reply.status_code for reply in replies[:100]} == {401}
    assert [numbers(reply) for reply in replies[:100]] == [(100, 99 - at) for at in range(100)]
    check_refusal(replies[100], 100)
    assert replies[0].headers["RateLimit-Policy"] == '"address";q=100;w=3600'
    assert replies[0].headers["RateLimit"] == '"address";r=99;t=36'
    for path in ["/health", "/ready", "/metrics", "/openapi.json", "/.well-known/jwks.json", "/api/v1/health"]:
        reply = ask(server, path=path, key=None)
        assert reply.status_code == 200 and not set(HEADERS) & set(reply.headers), path


def test_keys_and_persons_have_their_own(server, client, rates):
    rates(address=0)
    made, person = make_key(client, roles=["service"]), Person(client).sign_in()
    assert numbers(ask(server, key=made["key"])) == (1000, 999)
    assert numbers(ask(server, key=None, headers=bearer(person.token))) == (5000, 4999)
    assert numbers(ask(server, key=made["key"])) == (1000, 998)
    elevated = make_key(client, roles=["service"], rate_class="elevated")
    assert numbers(ask(server, key=elevated["key"])) == (5000, 4999)
    for key in [make_key(client, roles=["service"], rate_class="unlimited")["key"], client.key]:
        reply = ask(server, key=key)
        assert reply.status_code == 200 and not set(HEADERS) & set(reply.headers)


def test_the_documented_numbers_of_predictions_and_events(server, client, name):
    key, cart = make_key(client, roles=["service"])["key"], name("cart")
    sent = ask(server, "POST", "/api/events", key=key, json=event("add_to_cart", name("user"), cart=cart))
    assert numbers(sent) == (1000, 999) and sent.headers["RateLimit-Policy"] == '"events";q=1000;w=60'
    batch = ask(server, "POST", "/api/events/batch", key=key, json=[event("page_view", name("user"))])
    assert numbers(batch) == (100, 99) and batch.headers["RateLimit-Policy"] == '"event_batches";q=100;w=60'
    predicted = ask(server, "POST", "/api/predict", key=key, json={"cart_id": cart})
    assert predicted.status_code == 200
    assert numbers(predicted) == (200, 199) and predicted.headers["RateLimit-Policy"] == '"predictions";q=200;w=3600'
    assert numbers(ask(server, key=key)) == (1000, 998), "a prediction counts as a request of the key as well"


# --- what is counted


def test_what_is_used_up_is_refused_and_says_when_to_come_back(server, client, rates):
    rates(events=60)  # one a second
    key = make_key(client, roles=["service"])["key"]
    others = make_key(client, roles=["service"])["key"]
    began = time.monotonic()
    replies = [ask(server, "GET", "/api/events?limit=1", key=key) for _ in range(60)]
    assert {reply.status_code for reply in replies} == {200}
    while (refused := ask(server, "GET", "/api/events?limit=1", key=key)).status_code == 200:
        assert time.monotonic() - began < 20
    check_refusal(refused, 60)
    assert refused.json() == {"error": refused.json()["error"], "details": refused.json()["details"]}
    assert "Rate limit: 60 req/min. Try again in 1 seconds." in refused.json()["details"]
    assert ask(server, "GET", "/api/events?limit=1", key=others).status_code == 200
    time.sleep(int(refused.headers["Retry-After"]))
    assert ask(server, "GET", "/api/events?limit=1", key=key).status_code == 200


def test_loops_and_threads_share_one_count(server, client, rates):
    rates(api_key=100)
    key, passed, lock = make_key(client, roles=["service"])["key"], [], threading.Lock()

    def many():
        for _ in range(40):
            reply = ask(server, key=key)
            with lock:
                passed.append(reply.status_code)

    threads = [threading.Thread(target=many) for _ in range(6)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert sorted(set(passed)) == [200, 429] and passed.count(200) in (100, 101), "one comes back in 36 s"


def test_predictions_run_out_before_the_key_does(server, client, rates, name):
    rates(predictions=3)
    key = make_key(client, roles=["service"])["key"]
    cart = name("cart")
    client.send(event("add_to_cart", name("user"), cart=cart))
    replies = [ask(server, "GET", f"/api/predict/{cart}", key=key) for _ in range(4)]
    assert [reply.status_code for reply in replies] == [200, 200, 200, 429]
    check_refusal(replies[3], 3)
    assert numbers(ask(server, key=key)) == (1000, 996), "a refused prediction is no request of the key"


def test_a_person_s_keys_share_the_person_s_predictions(server, client, rates):
    rates(predictions=2, address=0)
    person = Person(client).sign_in()
    customer = {"tenure": 5, "monthly_charges": 70, "contract_type": "Month-to-month"}
    statuses = [ask(server, "POST", "/api/predict/churn", key=key, headers=headers, json=customer).status_code
                for key, headers in [(person.key, {}), (None, bearer(person.token)), (person.key, {})]]
    assert 429 not in statuses[:2] and statuses[2] == 429, statuses


def test_learning_says_so_in_its_own_form(server, client, rates):
    rates(learning=2)
    replies = [ask(server, "POST", "/api/v1/auth/login", key=None, json={"email": "nobody@example.com", "password": "wrong password"}) for _ in range(3)]
    assert 429 not in [reply.status_code for reply in replies[:2]]
    body = replies[2].json()
    assert replies[2].status_code == 429 and body["success"] is False and body["error"]["code"] == "RATE_LIMIT_EXCEEDED"
    assert body["error"]["retryAfter"] == int(replies[2].headers["Retry-After"]) == 30
    assert "Rate limit: 2 req/min. Try again in 30 seconds." in json.dumps(body)


def test_messages_of_a_stream_count_as_requests(server, client, rates, name):
    rates(events=3, event_batches=1)
    key, user = make_key(client, roles=["service"])["key"], name("user")
    with Wire(server.url) as wire:
        wire.open(headers=[("X-API-Key", key)], admin_key=None)

        def tell(message):
            wire.send(frame(TEXT, json.dumps(message)))
            return json.loads(wire.next_text())
        batch = [event("page_view", user), event("page_view", user)]
        assert [tell(event("page_view", user)).get("status") for _ in range(3)] == ["success"] * 3
        assert tell(event("page_view", user))["code"] == "RATE_LIMIT_EXCEEDED"
        assert tell(batch)["status"] == "success"
        assert tell(batch)["code"] == "RATE_LIMIT_EXCEEDED"
    assert len(client.query(user_id=user)["events"]) == 5


def test_simulations_have_a_rate_instead_of_that_of_events(server, client, rates):
    rates(events=1)
    key = make_key(client, roles=["service"])["key"]
    replies = [ask(server, "POST", "/api/simulate", key=key, json={"num_events": 1}) for _ in range(11)]
    assert [reply.status_code for reply in replies] == [200] * 10 + [429]
    assert replies[0].headers["RateLimit-Policy"] == '"simulations";q=10;w=60'
    check_refusal(replies[10], 10)
    assert ask(server, "GET", "/api/events", key=key).status_code == 200


def test_uploads_run_out_before_the_key_does(server, client, rates):
    key = make_key(client, roles=["service"])["key"]
    file = {"file": ("rows.csv", b"tenure,monthly_charges,contract_type\n5,70,One year", "text/csv")}
    replies = [ask(server, "POST", "/api/upload/csv/churn-prediction", key=key, files=file) for _ in range(11)]
    assert [reply.status_code for reply in replies] == [200] * 10 + [429]
    check_refusal(replies[10], 10)
    assert numbers(ask(server, key=key)) == (1000, 989)


def test_what_is_not_permitted_is_not_counted(server, client):
    made = make_key(client, roles=["service"], scopes=["predictions:read"])
    assert ask(server, "GET", "/api/events", key=made["key"]).status_code == 403
    assert ask(server, key="hr_" + "0" * 64).status_code == 401
    assert numbers(ask(server, key=made["key"])) == (1000, 999)


def test_validation_tells_what_is_left(server, client):
    key = make_key(client, roles=["service"])["key"]
    state = good(ask(server, key=key))["rate_limit"]
    assert state["remaining"] == 999 and 0 <= state["reset"] - time.time() <= 5


# --- by whom they are set


def test_a_store_has_rates_of_its_own(server, client, rates):
    store = good(client.post("/api/stores", json={"name": "Rated", "domain": "rated.example"}))
    store_id = store.get("store_id") or store["id"]
    put(client, f"/api/config/stores/{store_id}", {"rates.api_key": 7})
    theirs, ours = make_key(client, roles=["service"], tenant=store_id)["key"], make_key(client, roles=["service"])["key"]
    assert numbers(ask(server, key=theirs)) == (7, 6)
    assert numbers(ask(server, key=ours)) == (1000, 999)


@pytest.mark.parametrize("text, rule", [("rates.address", "NAME=VALUE"), ("rates.nobody=1", "NAME=VALUE"), ("rates.address=-1", "between 0"),
                                        ("rates.address=many", "integer"), ("log.level=loud", "one of")])
def test_a_bad_rate_at_the_start_is_refused(tmp_path, text, rule):
    server = Headrace(tmp_path, args=["--set", text])
    with pytest.raises(AssertionError) as failure:
        server.start()
    assert rule in str(failure.value) and "exit 1" in str(failure.value)
