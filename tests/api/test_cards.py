"""Card numbers and security codes that a producer sends by mistake: masked before anything is written, in whatever form they come."""
import json

import pytest

from harness import run
from shopping import event

NUMBER, GROUPED, CODE = "4111111111111111", "5555-5555-5555-4444", "987"


def sent(user, number):
    return event("payment", user, card_number=number, note=f"paid with {GROUPED}", cvv=CODE, card={"number": int(NUMBER), "security_code": int(CODE)},
                 order_id="4242424242424242", amount=19.99)


def expected(data):
    assert data["card_number"] == "************1111"
    assert data["note"] == "paid with ****-****-****-4444"
    assert data["cvv"] == "***"
    assert data["card"] == {"number": "**********1111", "security_code": "*"}
    assert data["order_id"] == "4242424242424242" and data["amount"] == 19.99  # an id is somebody's key


@pytest.fixture
def server(fresh_server):
    return fresh_server(args=["--access-log", "all"])


def forms(user):
    one = sent(user, NUMBER)
    lines = json.dumps(one) + "\n"
    return [("/api/events", {"json": one}), ("/api/events/batch", {"json": [one]}),
            ("/api/events/batch", {"data": lines, "headers": {"Content-Type": "application/x-ndjson"}}),
            ("/api/events/batch", {"files": {"file": ("e.ndjson", lines)}})]


def test_no_file_and_no_line_holds_them(server, name):
    for path, body in forms("u1"):
        reply = server.client.post(path, **body)
        assert reply.status_code == 200, reply.text
    stored = server.client.query(user_id="u1", limit=10)["events"]
    assert len(stored) == 4
    for one in stored:
        expected(one["data"])
    asking = {**sent("u1", NUMBER), "cart_id": "c1"}
    assert server.client.post("/api/events?predict=true", json=asking).status_code == 200
    assert server.stop() == 0
    logged = run("log", "cat", "--data", str(server.data)).stdout
    assert logged.count("************1111") == 5
    texts = [server.stderr(), logged] + [one.read_bytes().decode("latin-1") for one in server.data.rglob("*") if one.is_file()]
    for text in texts:
        assert NUMBER not in text and GROUPED not in text
        assert f'"{CODE}"' not in text and f'security_code":{CODE}' not in text and f'security_code": {CODE}' not in text
