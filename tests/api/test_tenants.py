"""Two shops and the platform on one server, with the same names for other things: none sees, counts or erases what is another's."""
import json
import subprocess

import pytest

from harness import ADMIN_KEY, BINARY, Client, Headrace, good
from people import make_key
from shopping import event, now
from test_event_stream import Stream

KINDS = ["user", "session", "cart"]


class Shop(Client):
    """What a producer of one tenant has: a key."""

    def __init__(self, server, tenant):
        super().__init__(server.url, server.client.exchanges, key=make_key(server.client, tenant=tenant)["key"] if tenant else ADMIN_KEY)
        self.tenant = tenant

    def ids(self, **parameters):
        return sorted(one["event_id"] for one in self.query(limit=1000, **parameters)["events"])


def visits(count, **data):
    """The same names in every shop."""
    return [event("product_view", "u1", "c1", "s1", now(-60 + n), f"e{n}", price=10, quantity=1, **data) for n in range(count)]


SHOPS = [("books", 4), ("toys", 7), ("", 2)]  # each with so many events


@pytest.fixture(scope="module")
def server(tmp_path_factory, exchanges):
    running = Headrace(tmp_path_factory.mktemp("tenants"), exchanges, args=["--loops", "2"]).start()
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")
def shops(server):
    made = {tenant: Shop(server, tenant) for tenant, _ in SHOPS}
    for tenant, count in SHOPS:
        sent = visits(count, shop=tenant or "platform")
        ack = made[tenant].send(sent[0])
        assert ack["event_id"] == "e0" and "duplicate" not in ack, "another's event of that id is no duplicate"
        [rest] = made[tenant].send_all(sent)
        assert [one["status"] for one in rest["results"]] == ["duplicate"] + ["submitted"] * (count - 1)
        assert [one["event_id"] for one in rest["results"]] == [one["event_id"] for one in sent]
    return made


@pytest.mark.parametrize("tenant, count", SHOPS[:2])
def test_a_tenant_sees_its_own_events_and_no_others(shops, tenant, count):
    shop = shops[tenant]
    whole = shop.query(limit=1000, event_type="product_view")["events"]
    assert [one["data"]["shop"] for one in whole] == [tenant] * count
    assert {one["metadata"]["tenant"] for one in whole} == {tenant}
    for kind in KINDS:
        assert shop.ids(**{f"{kind}_id": f"{kind[0]}1"}) == sorted(f"e{n}" for n in range(count))
    assert shop.ids(event_id="e1") == ["e1"]
    assert shop.ids(event_id="e6") == (["e6"] if count > 6 else []), "whoever asks for another's id finds nothing"
    first = shop.query(limit=1)
    following = shop.query(limit=1000, cursor=first["next_cursor"])
    assert len(first["events"]) + len(following["events"]) == len(shop.ids())
    # Neither a name with the separator nor one that looks like it reaches anybody else.
    for forged in ("books\u00ffu1", "books\\xffu1", "toys/u1", "toys\x1fu1", "\u00ff"):
        assert shop.ids(user_id=forged) == []
    for client in (shop, shops[""]):  # the separator itself is no UTF-8, wherever it comes
        for path in ("/api/events?user_id=books%FFu1", "/api/events?event_id=books%FFe1", "/internal/features/books%FFc1", "/api/predict/%FFc1"):
            assert client.get(path).status_code in (400, 422), path
        for body in (b'{"event_id":"books\xffe9","event_type":"x","data":{}}', b'{"event_type":"x","data":{"user_id":"books\xffu1"}}'):
            assert client.post_text("/api/events", body).status_code == 400


def test_the_platform_sees_all_and_whose_they_are(shops):
    events = shops[""].query(limit=1000, event_type="product_view")["events"]
    seen = [(one["metadata"].get("tenant", ""), one["event_id"]) for one in events]
    assert sorted(seen) == sorted((tenant, f"e{n}") for tenant, count in SHOPS for n in range(count))
    assert shops[""].ids(user_id="u1") == ["e0", "e1"], "a name is the platform's"


def test_a_body_cannot_say_whose_it_is(shops):
    told = {**event("page_view", "u9", "c9", event_id="forged"), "tenant": "toys", "store_id": "toys"}
    told["data"]["tenant"] = "toys"
    shops["books"].send(told)
    assert shops["books"].ids(event_id="forged") == ["forged"] and shops["toys"].ids(event_id="forged") == []


def test_features_and_predictions_are_of_the_tenants_own_events(shops):
    for tenant, count in SHOPS:
        shop = shops[tenant]
        known = shop.features("c1")
        assert (known["cart_id"], known["events"], known["features"]["product_views"]) == ("c1", count, count)
        for kind in KINDS:
            assert good(shop.get(f"/internal/features/{kind[0]}1?entity={kind}"))["events"] == count
        computed = good(shop.post("/api/features/compute", json={"cart_ids": ["c1", "c-none"]}))
        assert [one["events"] for one in computed["results"]] == [count] and computed["unknown"] == ["c-none"]
        for one in (shop.predict("c1", explain=True), good(shop.get("/api/predict/c1?explain=true")),
                    good(shop.post("/api/predict/batch", json={"cart_ids": ["c1"], "explain": True}))["predictions"][0]):
            assert one["cart_id"] == "c1" and one["features_used"]["product_views"] == count
        cached = good(shop.get("/api/predict/c1?explain=true"))
        assert "_cached_at" in cached and cached["features_used"]["product_views"] == count
        logged = shop.query(event_id=shop.predict("c1", durability="sync")["prediction_id"])["events"]
        assert [(one["event_type"], one["metadata"].get("tenant", "")) for one in logged] == [("prediction.completed", tenant)]
    only_books = event("page_view", "u2", "c2", event_id="lonely")
    shops["books"].send(only_books)
    for tenant in ("toys", ""):
        assert shops[tenant].get("/internal/features/c2").status_code == 404
        assert shops[tenant].get("/api/predict/c2").status_code == 404


def test_predictions_without_a_cart_are_the_tenants(shops):
    made = good(shops["toys"].post("/api/predict", json={"features": {"product_views": 1}, "durability": "sync"}))
    assert made["cart_id"] == ""
    lead = good(shops["toys"].post("/api/predict/lead-score", json={
        "company_size": "1-10", "budget": 1, "industry_score": 5, "engagement_score": 1, "behavioral_score": 1, "source_score": 1}))
    good(shops["toys"].post("/api/predict", json={"features": {"product_views": 1}, "durability": "sync"}))  # so that it is on disk
    for one in (made, lead):
        assert shops["toys"].ids(event_id=one["prediction_id"]) == [one["prediction_id"]]
        assert shops["books"].ids(event_id=one["prediction_id"]) == []


def test_an_event_with_its_prediction(shops):
    for tenant in ("books", "toys"):
        answer = good(shops[tenant].post("/api/events?predict=true", json=event("add_to_cart", "u5", "c5", event_id="p0", price=3, quantity=1)))
        assert answer["event_id"] == "p0" and "duplicate" not in answer and answer["prediction"]["cart_id"] == "c5"
        assert shops[tenant].features("c5")["events"] == 1


def test_a_stream_brings_and_shows_the_tenants_own(server, shops):
    with Stream(server.url) as books, Stream(server.url) as platform:
        books.open(admin_key=shops["books"].key)
        platform.open()
        for stream in (books, platform):
            assert stream.ask({"subscribe": {"event_type": "streamed"}})["status"] == "subscribed"
        shops["toys"].send(event("streamed", "u1", event_id="of-toys"))
        books.tell(event("streamed", "u1", event_id="of-books"))
        seen, acks = [], []
        while not seen or not acks:
            said = books.hear()
            (seen if "events" in said else acks).append(said)
        assert acks[0]["results"][0]["event_id"] == "of-books"
        assert [one["event_id"] for page in seen for one in page["events"]] == ["of-books"]
        events, _ = platform.hear_events(2)
        assert sorted((one["event_id"], one["metadata"]["tenant"]) for one in events) == [("of-books", "books"), ("of-toys", "toys")]


def test_generated_ids_are_whole(shops):
    ack = shops["books"].send({"event_type": "page_view", "data": {"user_id": "u7"}})
    assert ack["event_id"].startswith("evt_") and shops["books"].ids(event_id=ack["event_id"]) == [ack["event_id"]]


def test_the_tools_say_whose_and_carry_it_over(server, shops, fresh_server):
    logged = {(one["event"].get("tenant", ""), one["event"]["event_id"], one["event"].get("user_id")) for one in server.events()}
    assert {("books", "e0", "u1"), ("toys", "e6", "u1"), ("", "e1", "u1")} <= logged and ("", "e6", "u1") not in logged

    def exported(*more):
        done = server.command("log", "export", *more)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert len(exported("--tenant", "toys", "--user", "u1", "--type", "product_view").splitlines()) == 7
    rows = exported("--format", "csv", "--type", "product_view").splitlines()
    at = rows[0].split(",").index("tenant")
    assert {row.split(",")[at] for row in rows[1:]} == {"books", "toys", ""}
    other = fresh_server()
    for tenant in ("toys", ""):
        shop = Shop(other, tenant)
        words = ["log", "import", "--url", other.url, "--key", shop.key, *(["--tenant", tenant] if tenant else [])]
        done = subprocess.run([BINARY, *words], input=exported(), capture_output=True, text=True, timeout=60)
        assert done.returncode == 0 and "events of other tenants were left out" in done.stderr, done.stdout + done.stderr
        assert shop.features("c1") == shops[tenant].features("c1")
    assert "books" not in {one["metadata"].get("tenant") for one in other.client.query(limit=1000)["events"]}
    lsn = server.events()[-1]["lsn"]
    looked = server.command("state", "at", "--lsn", str(lsn), "--entity", "cart:c1", "--tenant", "toys")
    assert looked.returncode == 0 and '"cart_id":"c1"' in looked.stdout and '"product_views":7' in looked.stdout, looked.stdout + looked.stderr
    labels = server.directory / "labels.csv"
    labels.write_text(f"entity,time,label\nc1,{now(3600)},1\n")
    for tenant, count in SHOPS:
        made = server.command("training-set", "--labels", str(labels), "--features", "product_views", *(["--tenant", tenant] if tenant else []))
        assert made.returncode == 0 and made.stdout.splitlines()[1].startswith("c1,") and made.stdout.rstrip().endswith(f",{count}"), made.stdout


def test_an_erasure_is_of_one_tenants_person(fresh_server):
    server = fresh_server(args=["--loops", "2"])
    shops = {tenant: Shop(server, tenant) for tenant, _ in SHOPS}
    for tenant, count in SHOPS:
        shops[tenant].send_all(visits(count))
        shops[tenant].send(event("page_view", "u2", "c2", "s2", event_id="mention", friend="u1"))
    assert server.stop() == 0
    done = server.command("erase", "--user", "u1", "--tenant", "toys")
    assert done.returncode == 0, done.stderr
    erasure = json.loads(done.stdout)
    certificate = json.loads(erasure["certificate"])
    assert (certificate["tenant"], certificate["events"], certificate["events_redacted"], certificate["rows"]) == ("toys", 7, 1, 3)
    server.verify()
    server.start()
    for tenant, count in SHOPS:
        shop = Client(server.url, server.exchanges, key=shops[tenant].key)
        gone = tenant == "toys"
        assert len(shop.query(user_id="u1")["events"]) == (0 if gone else count)
        assert [one["data"]["friend"] for one in shop.query(user_id="u2")["events"]] == ["erased" if gone else "u1"]
        assert shop.get("/internal/features/c1").status_code == (404 if gone else 200)
    begun = good(server.client.post("/admin/erasures", json={"user_id": "u1", "tenant": "books"}))
    assert begun["tenant"] == "books"
    assert server.stop() == 0 and len([one for one in server.events() if one["event"].get("user_id") == "u1"]) in (2, 6)


def test_all_of_it_outlives_a_restart_and_replay(server, shops):
    before = {tenant: (shops[tenant].features("c1"), shops[tenant].ids()) for tenant, _ in SHOPS}
    assert server.stop() == 0
    server.verify()
    server.start()
    for tenant, _ in SHOPS:
        shop = Client(server.url, server.exchanges, key=shops[tenant].key)
        assert (shop.features("c1"), sorted(one["event_id"] for one in shop.query(limit=1000)["events"])) == before[tenant]
        assert shop.send(visits(1)[0])["duplicate"] is True
