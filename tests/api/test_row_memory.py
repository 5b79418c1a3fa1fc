"""More rows than fit into memory: what is configured is kept, nothing is lost, and what was evicted comes back."""
import time

from harness import good
from test_repack import metric

MIB = 1 << 20
CARTS, PASSES = 12_000, 2


def anonymous_mib(server):
    status = open(f"/proc/{server.process.pid}/status").read()
    return int(status.split("RssAnon:")[1].split()[0]) / 1024


def send_until_taken(client, events):
    """A batch of which a part was refused for lack of memory is sent again: what was taken is a duplicate then."""
    until = time.monotonic() + 120
    while True:
        reply = client.post("/api/events/batch", json=events)
        if reply.status_code == 200 and reply.json()["status"] == "success":
            return
        assert time.monotonic() < until, reply.text[:500]
        time.sleep(0.01)


def test_rows_stay_within_what_is_configured(fresh_server, name):
    server = fresh_server(args=["--row-memory-mib", "16", "--partitions", "1"])
    before, most = anonymous_mib(server), 0
    cart = [name(f"cart-{n}") for n in range(CARTS)]
    for turn in range(PASSES):
        for begin in range(0, CARTS, 1000):
            send_until_taken(server.client, [
                {"event_id": f"{cart[n]}-{turn}", "event_type": "product_view",
                 "data": {"user_id": f"u-{cart[n]}", "session_id": f"s-{cart[n]}", "cart_id": cart[n], "price": 2.5}}
                for n in range(begin, begin + 1000)])
            most = max(most, metric(server, "headrace_feature_row_bytes"))
    assert metric(server, "headrace_feature_row_loads") > CARTS, "they did not fit"
    assert 8 * MIB < most < 17 * MIB
    assert anonymous_mib(server) - before < 300, "dedup, buffers and the state's pages, but not 3 rows of every cart"
    for n in range(0, CARTS, CARTS // 20):
        assert good(server.client.get(f"/internal/features/{cart[n]}")), n
    listed = server.client.features(cart[7])
    server.kill()
    server.start()
    assert server.client.features(cart[7]) == listed
    assert server.stop() == 0
    assert "the state is what the log says" in server.verify()
