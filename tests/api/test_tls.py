"""TLS, driven from outside by Python's ssl: versions, sessions, client certificates, reloads, odd clients, memory."""
import json
import os
import random
import shutil
import signal
import socket
import ssl
import threading
import time

import pytest

from certificates import Authority
from harness import ADMIN_KEY, good, run
from shopping import event
from tls_client import TlsClient, context

IDLE = int(os.environ.get("HEADRACE_TLS_IDLE", "500"))
IDLE_KIB_MAX = 64


class World:
    """A server with four listeners, the authority of all its certificates, and clients of them."""

    def __init__(self, server, authority, stranger):
        self.server, self.authority, self.stranger = server, authority, stranger
        self.urls = [url for url, _ in server.listeners]
        self.port, self.optional, self.required, self.plain = (int(url.rsplit(":", 1)[1]) for url in self.urls)
        self.client = server.client_of(self.urls[0])

    def connect(self, port=None, session=None, slicer=None, shake=True, client=None, tls=None, **members):
        tls = tls or context(self.authority, client, **members)
        return TlsClient(port or self.port, tls, session, slicer, shake)

    def metric(self, name):
        text = self.client.get("/metrics").text
        return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name) and not line.startswith("#"))


@pytest.fixture(scope="module")
def world(tmp_path_factory, exchanges):
    import harness
    folder = tmp_path_factory.mktemp("tls")
    authority, stranger = Authority(folder / "ca"), Authority(folder / "stranger", "Somebody Else")
    certificate, key = authority.sign("/CN=localhost", "first")
    shutil.copy(certificate, folder / "server.pem"), shutil.copy(key, folder / "server.key")
    config = folder / "headrace.toml"
    config.write_text(f"""
access_log = "all"
[tls]
certificate = "{folder}/server.pem"
key = "{folder}/server.key"
client_ca = "{authority.certificate}"
[[listen]]
address = "127.0.0.1:0"
[[listen]]
address = "127.0.0.1:0"
client_certificates = "optional"
[[listen]]
address = "127.0.0.1:0"
client_certificates = "required"
[[listen]]
address = "127.0.0.1:0"
tls = false
""")
    server = harness.Headrace(folder, exchanges, args=["--loops", "2", "--config", str(config)], listen=(),
                              authority=str(authority.certificate)).start()
    made = World(server, authority, stranger)
    made.folder, made.first = folder, (certificate, key)
    yield made
    assert server.running(), "the server died:\n" + server.stderr()[-3000:]
    assert server.stop() == 0


GET = b"GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n"


def post(path, body, *headers):
    head = [f"POST {path} HTTP/1.1", "Host: localhost", f"X-API-Key: {ADMIN_KEY}", "Content-Type: application/json",
            f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def test_requests_work_as_without(world, name):
    user = name("user")
    world.client.send(event("page_view", user))
    assert len(world.client.query(user_id=user)["events"]) == 1


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_versions_1_2_and_1_3(world, version):
    with world.connect(minimum_version=version, maximum_version=version) as client:
        client.send(GET)
        assert client.reply()[0] == 200
        assert client.tls.version() == version.name.replace("_", ".")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_older_versions_are_refused(world, version):
    tls = context(world.authority, minimum_version=version, maximum_version=version)
    tls.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.raises(ssl.SSLError, match="(?i)version"):
        world.connect(tls=tls)


@pytest.mark.parametrize("cipher", ["AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-CCM", "aNULL"])
def test_weak_ciphers_are_refused(world, cipher):
    tls = context(world.authority, maximum_version=ssl.TLSVersion.TLSv1_2)
    tls.set_ciphers(cipher + ":@SECLEVEL=0")
    with pytest.raises(ssl.SSLError, match="(?i)handshake_failure"):
        world.connect(tls=tls)


def test_alpn_is_http11(world):
    for offered, chosen in ((["h2", "http/1.1"], "http/1.1"), (None, None)):
        tls = context(world.authority)
        if offered:
            tls.set_alpn_protocols(offered)
        with world.connect(tls=tls) as client:
            assert client.tls.selected_alpn_protocol() == chosen
    tls = context(world.authority)
    tls.set_alpn_protocols(["h2"])
    with pytest.raises(ssl.SSLError, match="(?i)no.application.protocol"):
        world.connect(tls=tls)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_sessions_resume_on_every_loop(world, version):
    tls = context(world.authority, minimum_version=version, maximum_version=version)
    before = world.metric("headrace_tls_handshakes_resumed_total")
    session = None
    for attempt in range(6):
        with world.connect(tls=tls, session=session) as client:
            client.send(GET)
            assert client.reply()[0] == 200  # by now a ticket of 1.3 has come, too
            assert client.tls.session_reused == (attempt > 0)
            session = client.tls.session
    assert world.metric("headrace_tls_handshakes_resumed_total") == before + 5


def test_a_session_without_a_certificate_opens_no_door_that_needs_one(world):
    tls = context(world.authority, maximum_version=ssl.TLSVersion.TLSv1_2)
    with world.connect(tls=tls) as client:
        client.send(GET)
        client.reply()
        session = client.tls.session
    with pytest.raises(ssl.SSLError):
        world.connect(world.required, tls=tls, session=session)


def request_lines(world):
    return [json.loads(line) for line in world.server.stderr().splitlines() if '"request_finished"' in line]


def test_the_subject_of_a_client_certificate_is_known(world, name):
    mine = world.authority.sign("/O=Example/CN=billing", "billing")
    for port in (world.required, world.optional):
        with world.connect(port, client=mine) as client:
            mark = name("subject")
            client.send(GET.replace(b"\r\n\r\n", f"\r\nX-Request-ID: {mark}\r\n\r\n".encode()))
            assert client.reply()[0] == 200
        until = time.monotonic() + 10
        while not (lines := [line for line in request_lines(world) if line["request_id"] == mark]):
            assert time.monotonic() < until
            time.sleep(0.02)
        assert lines[0]["certificate"] == "CN=billing,O=Example"
    with world.connect(world.optional) as client:
        client.send(GET)
        assert client.reply()[0] == 200


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_who_has_no_certificate_of_ours_stays_outside(world, version):
    foreign = world.stranger.sign("/CN=billing", "foreign")
    failed = world.metric("headrace_tls_handshakes_failed_total")
    for port, client in ((world.required, None), (world.required, foreign), (world.optional, foreign)):
        with pytest.raises((ssl.SSLError, ConnectionError)):
            with world.connect(port, client=client, minimum_version=version, maximum_version=version) as connection:
                connection.send(GET)  # in 1.3 the client has finished before the server has looked
                connection.reply()
    assert world.metric("headrace_tls_handshakes_failed_total") == failed + 3


def serial(client):
    return client.tls.getpeercert()["serialNumber"]


def reload(world, event, timeout=10):
    """SIGHUP; the line that says what came of the first listener."""
    before = world.server.stderr().count(f'"{event}"')
    world.server.process.send_signal(signal.SIGHUP)
    until = time.monotonic() + timeout
    while world.server.stderr().count(f'"{event}"') < before + 3:
        assert time.monotonic() < until, world.server.stderr()[-1000:]
        time.sleep(0.02)
    return [line for line in world.server.stderr().splitlines() if f'"{event}"' in line][-1]


def test_a_reload_drops_nothing(world, name):
    """Requests run on old and new connections while certificates change, for better and for worse."""
    stop, failures, answered = threading.Event(), [], []

    def keep_asking():
        try:
            with world.connect() as client:
                while not stop.is_set():
                    client.send(GET)
                    assert client.reply()[0] == 200
                    answered.append(1)
                with world.connect() as another:
                    another.send(GET)
                    assert another.reply()[0] == 200
        except Exception as problem:
            failures.append(repr(problem))

    threads = [threading.Thread(target=keep_asking) for _ in range(4)]
    for thread in threads:
        thread.start()
    with world.connect() as client:
        old, session, tls = serial(client), None, context(world.authority)
    with world.connect(tls=tls) as client:
        client.send(GET)
        client.reply()
        session = client.tls.session
    try:
        certificate, key = world.folder / "server.pem", world.folder / "server.key"
        for label, kind in (("second", "rsa"), ("third", "ec")):
            new = world.authority.sign("/CN=localhost", label, key=kind)
            shutil.copy(new[0], certificate), shutil.copy(new[1], key)
            assert "CN=localhost" in reload(world, "certificate_reloaded")
            with world.connect() as client:
                assert serial(client) != old
                old = serial(client)
        with world.connect(tls=tls, session=session) as client:
            assert client.tls.session_reused, "tickets outlive certificates"
        bad = [("not a certificate", b"nonsense", "not a certificate"), ("another's", world.first[0].read_bytes(), "not the certificate's private key"),
               ("gone", None, "No such file")]
        for _, content, reason in bad:
            certificate.unlink() if content is None else certificate.write_bytes(content)
            assert reason in reload(world, "certificate_kept")
            with world.connect() as client:
                assert serial(client) == old
        expired = world.authority.sign("/CN=localhost", "expired", days=0)
        time.sleep(1)
        shutil.copy(expired[0], certificate), shutil.copy(expired[1], key)
        assert "has expired" in reload(world, "certificate_kept")
    finally:
        shutil.copy(world.first[0], certificate), shutil.copy(world.first[1], key)
        reload(world, "certificate_reloaded")
        stop.set()
        for thread in threads:
            thread.join()
    assert not failures and len(answered) > 20
    assert "PRIVATE" not in world.server.stderr()


def test_the_certificate_s_end_is_a_metric(world):
    until = world.metric("headrace_tls_certificate_expiry_timestamp_seconds") / 3
    assert abs(until - time.time() - 30 * 86400) < 3600


def test_strict_transport_is_said_over_tls_only(world):
    header = "Strict-Transport-Security"
    assert world.client.get("/health").headers["X-Content-Type-Options"] == "nosniff"
    assert world.client.get("/health").headers[header] == "max-age=31536000"
    assert world.client.get("/nowhere").headers[header]
    assert header not in world.server.client_of(world.urls[3]).get("/health").headers


def test_plain_http_is_told_so(world):
    with socket.create_connection(("127.0.0.1", world.port), timeout=10) as raw:
        raw.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = b""
        while data := raw.recv(65536):
            answer += data
    head, body = answer.split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 400 ") and b"Connection: close" in head and b"Strict-Transport" not in head
    assert "TLS" in json.loads(body)["message"]


def random_slicer(dice, largest):
    def slices(data):
        while data:
            size = dice.randint(1, largest)
            yield data[:size]
            data = data[size:]
    return slices


def test_handshake_and_request_byte_by_byte(world):
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        with world.connect(slicer=random_slicer(random.Random(1), 1), maximum_version=version) as client:
            client.send(GET, record=lambda: 1)
            assert client.reply()[0] == 200


def test_a_record_cut_where_its_rest_looks_like_a_record(world):
    """The client's last flight in two pieces, of which the second begins with a byte that records begin with."""
    cuts = []

    def slicer(data):
        places = [at for at in range(12, len(data)) if 20 <= data[at] <= 24] if data[:3] == b"\x14\x03\x03" else []
        if not places:
            yield data
            return
        cuts.append(places[-1])
        yield data[:places[-1]]
        time.sleep(0.05)
        yield data[places[-1]:]
    began = time.monotonic()
    while len(cuts) < 20:
        with world.connect(slicer=slicer) as client:
            client.send(GET)
            assert client.reply()[0] == 200
    assert time.monotonic() - began < 8, "none waited for the end of its patience"


@pytest.mark.parametrize("seed", range(3))
def test_pipelines_and_bodies_in_random_records(world, name, seed):
    dice = random.Random(seed)
    user = name("user")
    events = [event("page_view", user, page=str(n) * 40) for n in range(1500)]
    with world.connect(slicer=random_slicer(dice, 40_000)) as client:
        wire = b""
        for start in range(0, 1500, 500):
            wire += post("/api/events/batch", json.dumps(events[start:start + 500]).encode()) + GET * 3
        client.send(wire, record=lambda: dice.choice((1, 7, 300, 5000, 16384, 60000)))
        for _ in range(3):
            status, _, body = client.reply()
            assert status == 200 and json.loads(body)["count"] == 500
            for _ in range(3):
                assert client.reply()[0] == 200


def test_answers_wait_for_a_slow_reader(world):
    """Sealed bytes count: a pipeline of large answers is served as they are read, and every byte is right."""
    asked = b"GET /openapi.json HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with world.connect() as client:
        client.send(asked)
        first = client.reply()[2]
        rounds = 8
        for _ in range(rounds):
            client.send(asked * 64)
        time.sleep(0.3)
        for _ in range(rounds * 64):
            assert client.reply()[2] == first


def test_half_closed_clients_are_answered(world):
    with world.connect() as client:
        client.send(GET * 3)
        with pytest.raises(ssl.SSLWantReadError):
            client.tls.unwrap()  # says close_notify
        client.push()
        received = b""
        while data := client.read():  # to the server's close_notify
            received += data
        assert received.count(b"HTTP/1.1 200 ") == 3


def test_the_server_says_close_notify(world):
    with world.connect() as client:
        client.send(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        assert client.reply()[0] == 200
        assert client.read() == b""  # a stream that just ended would be an SSLEOFError
        assert not client.pull()


def test_broken_clients_harm_nobody_else(world):
    failures, cut = world.metric("headrace_tls_failures_total"), world.metric("headrace_tls_truncations_total")
    with world.connect() as good_one:
        with world.connect() as client:  # a record that was changed on its way
            client.tls.write(GET)
            sealed = bytearray(client.leaving.read())
            sealed[-1] ^= 1
            client.socket.sendall(sealed)
            with pytest.raises(ssl.SSLError, match="(?i)bad_record_mac"):
                client.read()
        with world.connect() as client:  # half a record, then gone
            client.tls.write(GET)
            client.socket.sendall(client.leaving.read()[:20])
        for garbage in (b"\x16\x03\x01\xff\xff" + b"\0" * 200, b"\x80" * 300, bytes(range(256)), b"\x16\x03\x01\0\x05hello"):
            with socket.create_connection(("127.0.0.1", world.port), timeout=10) as raw:
                raw.sendall(garbage)
                while raw.recv(4096):  # an alert, perhaps; then the end
                    pass
        good_one.send(GET)
        assert good_one.reply()[0] == 200
    until = time.monotonic() + 10
    while world.metric("headrace_tls_failures_total") < failures + 1 or world.metric("headrace_tls_truncations_total") < cut + 1:
        assert time.monotonic() < until
        time.sleep(0.05)


def anonymous_kib(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon"))


def test_idle_connections_are_small(world, fresh_server, capsys):
    """On a server of its own: what another one has freed it still holds."""
    words = ["--tls-certificate", str(world.folder / "server.pem"), "--tls-key", str(world.folder / "server.key")]
    server = fresh_server(args=[*words, "--loops", "1"], authority=str(world.authority.certificate))
    port, tls, clients = int(server.url.rsplit(":", 1)[1]), context(world.authority), []

    def connect(count):
        for _ in range(count):
            clients.append(world.connect(port, tls=tls))
            clients[-1].send(GET)
            assert clients[-1].reply()[0] == 200

    connect(20)
    before = anonymous_kib(server.process.pid)
    connect(IDLE)
    each = (anonymous_kib(server.process.pid) - before) / IDLE
    for client in clients:
        client.socket.close()
    with capsys.disabled():
        print(f"\n{IDLE} idle TLS connections: {each:.1f} KiB each")
    if "asan" not in os.environ.get("HEADRACE_BINARY", ""):  # whose allocator is none to measure
        assert each <= IDLE_KIB_MAX


def test_the_tools_speak_tls(world, tmp_path):
    env = {**os.environ, "SSL_CERT_FILE": str(world.authority.certificate)}
    words = ["bench", "single", "--url", world.urls[0], "--key", ADMIN_KEY, "--duration", "0.3", "--warmup", "0", "--connections", "4"]
    done = run(*words, env=env)
    assert done.returncode == 0, done.stdout + done.stderr
    stranger = run(*words, env={**os.environ, "SSL_CERT_FILE": str(world.stranger.certificate)})
    assert stranger.returncode != 0 and "certificate" in stranger.stderr


@pytest.mark.parametrize("words, name", [
    (["--tls-certificate", "{folder}/server.pem"], "tls.key"),
    (["--tls-certificate", "{folder}/nowhere.pem", "--tls-key", "{folder}/server.key"], "nowhere.pem"),
    (["--tls-certificate", "{folder}/server.key", "--tls-key", "{folder}/server.key"], "server.key"),
    (["--tls-certificate", "{folder}/server.pem", "--tls-key", "{folder}/stranger/authority.key"], "authority.key"),
    (["--tls-certificate", "{folder}/server.pem", "--tls-key", "{folder}/server.key", "--tls-client-certificates", "required"], "client_ca"),
    (["--tls-certificate", "{folder}/server.pem", "--tls-key", "{folder}/server.key", "--tls-client-certificates", "maybe"], "client_certificates"),
])
def test_what_is_wrong_with_the_settings_is_named(world, tmp_path, words, name):
    words = [word.format(folder=world.folder) for word in words]
    done = run("serve", "--data", str(tmp_path / "data"), "--listen", "127.0.0.1:0", *words, timeout=20)
    assert done.returncode == 1 and name in done.stderr, done.stderr
