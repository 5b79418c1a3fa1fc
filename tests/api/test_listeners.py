"""Several listeners, each with the name of its service; Unix sockets; sockets and messages of systemd."""
import http.client
import json
import os
import socket
import stat
import subprocess
import sys

import pytest

from harness import ADMIN_KEY, good, run

SERVICES = ["producer", "api", "core-platform", "event-pipeline", "ai-engine", "intervention-engine", "data-platform", "monitoring",
            "scheduler", "user-service", "learning"]


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=10)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(10)
        self.sock.connect(self.path)


def ask(path, target="/health"):
    connection = UnixConnection(path)
    connection.request("GET", target)
    reply = connection.getresponse()
    body = json.loads(reply.read())
    connection.close()
    return reply.status, body


def configured(tmp_path, text):
    config = tmp_path / "headrace.toml"
    config.write_text(text)
    return ["--config", str(config)]


@pytest.fixture(scope="module")
def services(tmp_path_factory, exchanges):
    import harness
    folder = tmp_path_factory.mktemp("services")
    text = "".join(f'[[listen]]\naddress = "127.0.0.1:0"\nservice = "{service}"\n' for service in SERVICES)
    server = harness.Headrace(folder, exchanges, args=configured(folder, text) + ["--loops", "2"], listen=()).start()
    yield {service: server.client_of(url) for url, service in server.listeners}
    assert server.stop() == 0


@pytest.mark.parametrize("service", SERVICES)
def test_each_listener_goes_by_its_name(services, service):
    client = services[service]
    for path in ("/health", "/health/detailed", "/internal/health/detailed", "/status"):
        body = good(client.get(path, key=None))
        assert body["service"] == service and body["status"] == "healthy"
    assert good(client.get("/ready", key=None))["ready"]
    assert good(client.get("/version", key=None))["version"]
    assert client.get("/metrics", key=None).headers["Content-Type"].startswith("text/plain")


def test_the_producer_s_metrics_are_chosen_by_accept(services):
    json_wanted = {"Accept": "application/json"}
    assert "producer_metrics" in good(services["producer"].get("/metrics", key=None, headers=json_wanted))


def test_parts_say_how_they_are(services, name):
    """What `cart`, `learning` and `predict` document beside /health."""
    services["producer"].send({"event_type": "page_view", "data": {"user_id": name("user"), "cart_id": name("cart")}})
    pipeline = good(services["event-pipeline"].get("/pipeline/status", key=None))
    assert pipeline["status"] == "healthy" and pipeline["events_total"] >= 1 and pipeline["writable"]
    assert "cart_abandonment" in good(services["ai-engine"].get("/models/health", key=None))["models"]
    usage = good(services["data-platform"].get("/storage/usage"))
    assert usage["disk_bytes"] > usage["disk_free_bytes"] > 0 and sum(part["records"] for part in usage["partitions"]) >= 1
    listed = good(services["monitoring"].get("/status/services"))["services"]
    assert [one["service"] for one in listed] == SERVICES and all(one["status"] == "healthy" for one in listed)
    infrastructure = good(services["monitoring"].get("/status/infrastructure"))
    assert infrastructure["loops"] == 2 and set(infrastructure["components"].values()) == {"healthy"}
    learning = good(services["learning"].get("/api/v1/health", key=None))
    assert learning["status"] == "healthy" and learning["environment"] == "production" and learning["services"]["microservices"]["learning"]
    assert good(services["api"].get("/monitoring/api/health", key=None))["version"]
    for path in ("/storage/usage", "/status/services", "/status/infrastructure"):
        assert services["monitoring"].get(path, key=None).status_code == 401


def test_listeners_are_one_server(services, name):
    user = name("user")
    services["producer"].send({"event_type": "page_view", "data": {"user_id": user}})
    assert len(services["api"].query(user_id=user)["events"]) == 1


def test_listen_may_be_said_several_times(fresh_server):
    server = fresh_server(listen=["--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0"])
    assert len(server.listeners) == 2
    for url, service in server.listeners:
        assert good(server.client_of(url).get("/health"))["service"] == service == "producer"
    assert server.stop() == 0


def test_a_flag_wins_over_the_tables(fresh_server, tmp_path):
    server = fresh_server(args=configured(tmp_path, '[[listen]]\naddress = "127.0.0.1:1"\nservice = "unused"\n'))
    assert [service for _, service in server.listeners] == ["producer"]


def test_a_unix_socket(fresh_server, tmp_path):
    path = tmp_path / "a.sock"
    stale = socket.socket(socket.AF_UNIX)
    stale.bind(str(path))
    stale.close()  # as a killed server leaves it
    server = fresh_server(args=configured(tmp_path, f'[[listen]]\naddress = "unix:{path}"\nservice = "local"\nmode = "0600"\n')
                          + ["--loops", "2"], listen=())
    assert server.listeners == [(f"unix:{path}", "local")]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for _ in range(20):
        assert ask(path)[1]["service"] == "local"
    another = run("serve", "--data", str(tmp_path / "another"), "--listen", f"unix:{path}", timeout=20)
    assert another.returncode == 1 and "another process listens" in another.stderr
    assert ask(path)[0] == 200
    assert server.stop() == 0
    assert not path.exists()


def test_no_file_is_mistaken_for_a_socket(tmp_path):
    path = tmp_path / "precious"
    path.write_text("content")
    done = run("serve", "--data", str(tmp_path / "data"), "--listen", f"unix:{path}", timeout=20)
    assert done.returncode == 1 and "no socket" in done.stderr and path.read_text() == "content"


START_WITH_SOCKETS = """
import fcntl, os, sys
sockets = [int(number) for number in sys.argv[1].split(",")]
kept = [fcntl.fcntl(number, fcntl.F_DUPFD, 100) for number in sockets]
for at, number in enumerate(kept):
    os.dup2(number, 3 + at)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(kept)), LISTEN_FDNAMES="web:local")
os.execv(sys.argv[2], sys.argv[2:])
"""


def test_sockets_and_readiness_of_systemd(tmp_path):
    import harness
    web, local, notify = socket.socket(), socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    web.bind(("127.0.0.1", 0)), web.listen()
    local.bind(str(tmp_path / "local.sock")), local.listen()
    notify.bind(str(tmp_path / "notify.sock"))
    notify.settimeout(harness.START_S)
    numbers = [web.fileno(), local.fileno()]
    words = [harness.BINARY, "serve", "--data", str(tmp_path / "data"), "--loops", "2", "--partitions", "2", "--listen", "systemd:web",
             "--listen", "systemd:1"]
    with open(tmp_path / "stderr", "wb") as log:
        process = subprocess.Popen([sys.executable, "-c", START_WITH_SOCKETS, ",".join(map(str, numbers)), *words], pass_fds=numbers,
                                   stderr=log, env={**os.environ, "HEADRACE_ADMIN_KEY": ADMIN_KEY, "NOTIFY_SOCKET": str(tmp_path / "notify.sock")})
    try:
        assert notify.recv(100) == b"READY=1"
        plain = http.client.HTTPConnection("127.0.0.1", web.getsockname()[1], timeout=10)
        plain.request("GET", "/health")
        assert plain.getresponse().status == 200
        plain.close()
        assert ask(tmp_path / "local.sock")[0] == 200
        process.terminate()
        assert notify.recv(100) == b"STOPPING=1"
        assert process.wait(harness.START_S) == 0
    finally:
        process.kill()
    assert (tmp_path / "local.sock").exists()  # it is not ours


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0"])
def test_a_public_address_needs_tls(tmp_path, address):
    words = ["serve", "--data", str(tmp_path / "data"), "--listen", address]
    done = run(*words, timeout=20)
    assert done.returncode == 1 and "public address" in done.stderr and "allow_plaintext" in done.stderr
    checked = run("config", "check", "--listen", address, "--allow-plaintext", "true")
    assert checked.returncode == 0, checked.stderr


def test_where_plain_text_is_allowed(fresh_server):
    server = fresh_server(listen=["--listen", "0.0.0.0:0", "--allow-plaintext", "true"])
    port = server.url.rsplit(":", 1)[1]
    assert good(server.client_of(f"http://127.0.0.1:{port}").get("/health"))


@pytest.mark.parametrize("text, name", [
    ('[[listen]]\naddress = "8080"\n', "listen[0].address"),
    ('[[listen]]\naddress = "127.0.0.1:0"\n[[listen]]\naddress = "unix:"\n', "listen[1].address"),
    ('[[listen]]\naddress = "127.0.0.1:99999"\n', "listen[0].address"),
    ('[[listen]]\naddress = "127.0.0.1:0"\nservice = "two words"\n', "listen[0].service"),
    ('[[listen]]\naddress = "unix:/tmp/x"\nmode = "999"\n', "listen[0].mode"),
    ('[[listen]]\naddress = "127.0.0.1:0"\ncolour = "red"\n', "listen[0].colour"),
    ('[[listen]]\naddress = "127.0.0.1:0"\ntls = "yes"\n', "listen[0].tls"),
    ('[[listen]]\naddress = "127.0.0.1:0"\ntls = true\n', "listen[0].tls"),
    ('listen = 8080\n', "listen"),
    ('listen = []\n', "listen"),
    ('[tls]\nversion = "1.0"\n', "tls.version"),
])
def test_what_is_wrong_with_a_listener_is_named(tmp_path, text, name):
    done = run("config", "check", *configured(tmp_path, text))
    assert done.returncode == 1 and name in done.stderr, done.stderr


def test_a_check_says_what_would_listen(tmp_path):
    text = 'listen = ["127.0.0.1:8080", "unix:/tmp/x.sock"]\n'
    done = run("config", "check", *configured(tmp_path, text))
    assert done.returncode == 0
    assert "producer listens on 127.0.0.1:8080\n" in done.stdout and "producer listens on unix:/tmp/x.sock\n" in done.stdout
