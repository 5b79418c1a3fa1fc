"""python3-websockets, an implementation that is not ours, as a client of /events/stream in the ways it is used."""
import asyncio
import json
import ssl

import pytest
import websockets

from certificates import Authority
from harness import ADMIN_KEY, Headrace
from shopping import event

# Debian 13's version says some things in other words than Debian 12's.
NEW = int(websockets.__version__.split(".")[0]) >= 14
REFUSED = websockets.InvalidStatus if NEW else websockets.InvalidStatusCode


def open_with(url, headers, **rest):
    return websockets.connect(url, **{"additional_headers" if NEW else "extra_headers": headers}, **rest)


def url_of(server):
    return server.url.replace("http", "ws", 1) + "/events/stream"


def connect(server, **rest):
    return open_with(url_of(server), {"X-API-Key": ADMIN_KEY}, open_timeout=30, **rest)


def with_socket(server, work, **rest):
    """Runs `await work(socket)` on an open one."""
    async def run():
        async with connect(server, **rest) as socket:
            return await asyncio.wait_for(work(socket), 60)
    return asyncio.run(run())


async def ask(socket, message):
    await socket.send(message)
    return json.loads(await socket.recv())


def one(name):
    return event("page_view", name("user"), event_id=name("evt"))


@pytest.mark.parametrize("compression", ["deflate", None])
def test_asks_for_compression_and_does_without(server, name, compression):
    async def work(socket):
        assert (socket.protocol if NEW else socket).extensions == []
        return await ask(socket, json.dumps({"id": 1, **one(name)}))
    assert with_socket(server, work, compression=compression)["count"] == 1


@pytest.mark.parametrize("size", [1, 100, 125, 126, 127, 1000, 65535, 65536, 300_000])
def test_texts_of_every_length(server, size):
    async def work(socket):
        message = json.dumps({"id": size, "unsubscribe": True}, ensure_ascii=False)
        return await ask(socket, message + " " * (size - len(message)))
    assert with_socket(server, work)["id"] == size


@pytest.mark.parametrize("pieces", [1, 2, 7, 100])
def test_messages_in_fragments(server, name, pieces):
    async def work(socket):
        sent = one(name)
        text = json.dumps({"id": "€😀", **sent}, ensure_ascii=False)
        step = max(1, len(text) // pieces)
        await socket.send([text[at:at + step] for at in range(0, len(text), step)])
        answer = json.loads(await socket.recv())
        assert answer["results"][0]["event_id"] == sent["event_id"]
        return answer["id"]
    assert with_socket(server, work) == "€😀"


def test_binary_in_fragments(server, name):
    async def work(socket):
        lines = "\n".join(json.dumps(one(name)) for _ in range(50)).encode()
        await socket.send([lines[:1000], lines[1000:1001], lines[1001:]])
        return json.loads(await socket.recv())
    assert with_socket(server, work)["count"] == 50


def test_many_messages_in_flight(server, name):
    async def work(socket):
        async def send():
            for at in range(2000):
                await socket.send(json.dumps({"id": at, **one(name)}))
        sending = asyncio.create_task(send())
        ids = [json.loads(await socket.recv())["id"] for _ in range(2000)]
        await sending
        return ids
    assert with_socket(server, work) == list(range(2000))


def test_pings_between_messages(server, name):
    async def work(socket):
        for at in range(20):
            pong = await socket.ping(f"p{at}")
            assert (await ask(socket, json.dumps(one(name))))["count"] == 1
            await pong
        return True
    assert with_socket(server, work)


def test_our_pings_are_its_business(fresh_server):
    server = fresh_server(args=["--websocket-ping", "1s"])
    async def work(socket):
        await asyncio.sleep(1.5)
        return socket.close_code is None
    assert with_socket(server, work, ping_interval=None)


@pytest.mark.parametrize("code, reason", [(1000, ""), (1000, "done"), (1001, "moved"), (3000, "ours"), (4999, "a" * 123)])
def test_closes(server, code, reason):
    async def work(socket):
        await socket.close(code, reason)
        return socket.close_code
    assert with_socket(server, work) == code


def test_a_message_that_is_too_large(server):
    async def work(socket):
        await socket.send(["x" * (1 << 20)] * 4 + ["x"])
        with pytest.raises(websockets.ConnectionClosedError) as closed:
            await socket.recv()
        return closed.value.rcvd.code
    assert with_socket(server, work) == 1009


def test_subprotocols(server):
    async def run():
        offered = ["headrace", "bearer." + ADMIN_KEY]
        async with websockets.connect(url_of(server), subprotocols=offered) as socket:
            return socket.subprotocol
    assert asyncio.run(run()) == "headrace"


@pytest.mark.parametrize("headers, status", [({}, 401), ({"X-API-Key": "hr_wrong"}, 401), ({"X-API-Key": ADMIN_KEY, "Origin": "https://evil.example"}, 403)])
def test_refusals_are_told(server, headers, status):
    async def run():
        async with open_with(url_of(server), headers):
            pass
    with pytest.raises(REFUSED) as refused:
        asyncio.run(run())
    assert (refused.value.response if NEW else refused.value).status_code == status


def test_a_follower(server, client, name):
    user = name("user")
    async def work(socket):
        await ask(socket, json.dumps({"subscribe": {"user_id": user}}))
        async with connect(server) as producer:
            for at in range(10):
                assert (await ask(producer, json.dumps(event("page_view", user, event_id=f"{user}-{at}"))))["count"] == 1
        seen = []
        while len(seen) < 10:
            seen += [one["event_id"] for one in json.loads(await socket.recv())["events"]]
        return seen
    assert with_socket(server, work) == [f"{user}-{at}" for at in range(10)]


def test_a_stop_is_going_away(fresh_server):
    server = fresh_server()
    async def work(socket):
        stopping = asyncio.get_running_loop().run_in_executor(None, server.stop)
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await socket.recv()
        assert await stopping == 0
        return closed.value.rcvd.code
    assert with_socket(server, work) == 1001


def test_many_sockets(server, name):
    async def run():
        async def produce():
            async with connect(server) as socket:
                return [(await ask(socket, json.dumps(one(name))))["count"] for _ in range(5)]
        return await asyncio.gather(*(produce() for _ in range(100)))
    assert asyncio.run(run()) == [[1] * 5] * 100


def test_over_tls(tmp_path, exchanges, name):
    authority = Authority(tmp_path / "ca")
    certificate, key = authority.sign("/CN=localhost", "server")
    config = tmp_path / "headrace.toml"
    config.write_text(f'[tls]\ncertificate = "{certificate}"\nkey = "{key}"\n[[listen]]\naddress = "127.0.0.1:0"\n')
    server = Headrace(tmp_path, exchanges, args=["--config", str(config)], listen=(), authority=str(authority.certificate)).start()
    trusting = ssl.create_default_context(cafile=str(authority.certificate))

    async def work(socket):
        await ask(socket, json.dumps({"id": "s", "subscribe": {}}))
        lines = "\n".join(json.dumps(event("page_view", name("user"), event_id=name("evt"), pad="x" * 500)) for _ in range(1000))
        await socket.send(lines.encode())
        acked, followed = 0, 0
        while acked < 1000 or followed < 1000:
            message = json.loads(await socket.recv())
            acked, followed = acked + message.get("count", 0), followed + len(message.get("events", []))
        stopping = asyncio.get_running_loop().run_in_executor(None, server.stop)
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await socket.recv()
        assert await stopping == 0
        return acked, followed, closed.value.rcvd.code
    assert with_socket(server, work, ssl=trusting) == (1000, 1000, 1001)
