"""Features and predictions: they follow the events, agree with each other, and explain themselves."""
import pytest

from harness import good
from shopping import event, now, visit


def test_features_count_the_events(client, name):
    cart, events = visit(name, views=4, adds=2, checkout=True)
    client.send_all(events)
    features = client.features(cart)["features"]
    assert features["product_views"] == 4
    assert features["info_views"] == 1
    assert features["adds"] == 2 and features["removes"] == 0
    assert features["items_in_cart"] == 2 and features["cart_value"] == pytest.approx(21.0)
    assert features["max_price"] == pytest.approx(11.0)
    assert features["distinct_products"] == 4
    assert features["checkout_started"] == 1 and features["purchases"] == 0
    assert features["returning_visitor"] == 1
    assert features["events_1h"] == len(events)


def test_late_events_count_too(client, name):
    cart, events = visit(name, views=6, adds=2)
    client.send_all(list(reversed(events)))
    other, same = visit(name, views=6, adds=2)
    client.send_all(same)
    timeless = ["product_views", "product_seconds", "adds", "cart_value", "distinct_products", "items_in_cart"]
    backwards, forwards = client.features(cart)["features"], client.features(other)["features"]
    assert {one: backwards[one] for one in timeless} == pytest.approx({one: forwards[one] for one in timeless}, abs=0.2)


def test_definitions_describe_every_feature(client, name):
    cart, events = visit(name)
    client.send_all(events)
    text = client.get("/internal/features/definitions").text
    for feature in client.features(cart)["features"]:
        assert feature in text


def test_an_unknown_cart_has_no_features(client, name):
    reply = client.get("/internal/features/" + name("cart"))
    assert reply.status_code == 404
    body = reply.json()
    assert body.get("error") and (body.get("message") or body.get("details"))


def test_many_can_be_computed_at_once(client, name):
    carts = []
    for views in (2, 6):
        cart, events = visit(name, views=views)
        client.send_all(events)
        carts.append(cart)
    stranger = name("cart")
    answer = good(client.post("/internal/features/compute", json={"cart_ids": [*carts, stranger]}))
    outside = good(client.post("/api/features/compute", json={"cart_ids": [*carts, stranger]}))
    assert [one["features"] for one in outside["results"]] == [one["features"] for one in answer["results"]]
    assert answer["count"] == 2 and answer["unknown"] == [stranger]
    assert [one["features"] for one in answer["results"]] == [client.features(cart)["features"] for cart in carts]


def test_features_as_of_a_moment(client, name):
    cart, events = visit(name, views=4, adds=1, began_s=-3600)
    client.send_all(events)
    latest = client.features(cart)
    assert latest["last_event"][:23] == events[-1]["timestamp"][:23] and latest["features"]["events_5m"] == len(events)
    later = good(client.get(f"/internal/features/{cart}", params={"as_of": now()}))["features"]
    assert later["events_5m"] == 0 and later["last_event_seconds"] > 3000
    assert later["product_views"] == latest["features"]["product_views"]


def test_a_prediction_has_the_documented_members(client, name):
    cart, events = visit(name)
    client.send_all(events)
    answer = client.predict(cart)
    assert answer["cart_id"] == cart
    assert 0 <= answer["probability"] <= 1
    assert answer["risk_level"].lower() in ("low", "medium", "high")
    for member in ("model", "model_version", "prediction_id", "as_of"):
        assert answer[member], member


def test_a_prediction_sees_every_acknowledged_event(client, name):
    """No waiting in between: the event is acked, the next request must see it."""
    user, cart = name("user"), name("cart")
    for n in range(1, 40):
        client.send(event("product_view", user, cart, time=now(-400 + 10 * n), product_id=f"p{n}", price=n))
        assert client.features(cart)["features"]["product_views"] == n
    assert client.predict(cart)["probability"] is not None


def test_predictions_move_with_the_events(client, name):
    cart, events = visit(name, views=3, adds=1, began_s=-900)
    user = events[0]["data"]["user_id"]
    client.send_all(events)
    seen = {client.predict(cart)["probability"]}
    for n in range(30):
        client.send(event("product_view", user, cart, time=now(-600 + 15 * n), product_id=f"q{n}", price=5))
        seen.add(client.predict(cart)["probability"])
    assert len(seen) > 3, f"31 predictions along a visit took only the values {seen}"


def test_the_log_says_what_the_answer_said(client, name):
    cart, events = visit(name)
    client.send_all(events)
    answer = client.predict(cart, explain=True, durability="sync")
    logged = client.query(event_type="prediction.completed", cart_id=cart)["events"][-1]
    assert logged["event_id"] == answer["prediction_id"] and logged["metadata"]["source"] == "headrace"
    data = logged["data"]
    assert [data[word] for word in ("model", "version", "probability")] == [
        answer[word] for word in ("model", "model_version", "probability")]
    assert {feature: value for feature, value in data["features"].items() if value is not None} == answer["features_used"]


def test_the_same_features_give_the_same_prediction(client, name):
    cart, events = visit(name)
    client.send_all(events)
    first = client.predict(cart, explain=True)
    again = good(client.post("/api/predict", json={"features": first["features_used"]}))
    assert again["probability"] == pytest.approx(first["probability"], abs=1e-6)


def test_reasons_are_named_and_signed(client, name):
    cart, events = visit(name, views=8, adds=2)
    client.send_all(events)
    answer = client.predict(cart, explain=True)
    assert answer["reasons"]
    for reason in answer["reasons"]:
        assert reason["feature"] and "value" in reason and isinstance(reason["contribution"], (int, float))
    sizes = [abs(reason["contribution"]) for reason in answer["reasons"]]
    assert sizes == sorted(sizes, reverse=True), "the strongest reason comes first"


def test_one_batch_is_as_many_single_predictions(client, name):
    carts = []
    for views in (1, 5, 9):
        cart, events = visit(name, views=views)
        client.send_all(events)
        carts.append(cart)
    batch = good(client.post("/api/predict/batch", json={"cart_ids": carts}))["predictions"]
    assert [one["cart_id"] for one in batch] == carts
    for one in batch:
        assert one["probability"] == pytest.approx(client.predict(one["cart_id"])["probability"], abs=0.02)


def test_the_last_prediction_can_be_read_again(client, name):
    cart, events = visit(name)
    client.send_all(events)
    made = client.predict(cart)
    read = good(client.get(f"/api/predict/{cart}"))
    assert read["cart_id"] == cart
    assert read["probability"] == pytest.approx(made["probability"], abs=0.02)


def test_an_unknown_cart_is_an_error_with_code_and_request_id(client, name):
    reply = client.post("/api/predict", json={"cart_id": name("cart")})
    assert reply.status_code == 404
    assert set(reply.json()) >= {"error", "message", "code", "details", "timestamp", "request_id"}


@pytest.mark.parametrize("body, field", [
    ({"cart_id": 7}, "cart_id"), ({"cart_id": ""}, "cart_id"), ({"features": []}, "features"), ({"cart_id": "c", "explain": "yes"}, "explain"),
])
def test_a_wrong_field_is_named(client, body, field):
    reply = client.post("/api/predict", json=body)
    assert reply.status_code in (400, 422), reply.text
    assert field in reply.text


def test_churn_as_documented(client):
    low = good(client.post("/api/predict/churn", json={
        "tenure": 60, "monthly_charges": 25.0, "contract_type": "Two year", "tech_support": "Yes"}))
    high = good(client.post("/api/predict/churn", json={
        "tenure": 1, "monthly_charges": 95.0, "contract_type": "Month-to-month", "payment_method": "Electronic check",
        "internet_service": "Fiber optic", "tech_support": "No", "online_security": "No"}))
    for answer in (low, high):
        assert set(answer) >= {"model", "prediction", "processing_time", "credits_consumed"}
        prediction = answer["prediction"]
        assert prediction["risk_level"] in ("Low", "Medium", "High")
        assert prediction["retention_score"] == pytest.approx(100 * (1 - prediction["churn_probability"]), abs=0.51)
        assert prediction["key_factors"]
    assert low["prediction"]["churn_probability"] < 0.2 < 0.5 < high["prediction"]["churn_probability"]


def test_lead_score_as_documented(client):
    def score(**fields):
        body = {"company_size": "51-200", "budget": 50_000, "industry_score": 5, **fields}
        answer = good(client.post("/api/predict/lead-score", json=body))
        assert set(answer) >= {"model", "prediction", "processing_time", "credits_consumed"}
        assert answer["prediction"]["quality"] in ("Cold", "Warm", "Hot")
        return answer["prediction"]["score"]

    cold = score(engagement_score=1, behavioral_score=1, source_score=1)
    hot = score(engagement_score=10, behavioral_score=10, source_score=9)
    assert 0 <= cold < hot <= 100


@pytest.mark.parametrize("path, body, field", [
    ("/api/predict/churn", {"monthly_charges": 1, "contract_type": "One year"}, "tenure"),
    ("/api/predict/churn", {"tenure": "long", "monthly_charges": 1, "contract_type": "One year"}, "tenure"),
    ("/api/predict/churn", {"tenure": 1, "monthly_charges": 1, "contract_type": "Weekly"}, "contract_type"),
    ("/api/predict/lead-score", {"company_size": "huge", "budget": 1, "industry_score": 5}, "company_size"),
    ("/api/predict/lead-score", {"company_size": "1-10", "budget": 1, "industry_score": 11}, "industry_score"),
])
def test_documented_rules_are_kept(client, path, body, field):
    reply = client.post(path, json=body)
    assert reply.status_code in (400, 422), reply.text
    assert field in reply.text and set(reply.json()) >= {"error", "message", "code"}
