"""Where a request comes from: what a proxy says counts where the configuration trusts it, and never otherwise."""
import pytest

from harness import run
from test_access_log import line_with

FORWARDED = ["--proxy-header", "Forwarded"]
LOOPBACK = "127.0.0.0/8"


def peer_seen(server, fields, number=[0]):
    """The address that the server takes a request with these (name, value) fields to come from."""
    number[0] += 1
    request_id = f"peer-{number[0]}"
    names = {name for name, _ in fields}
    headers = {name: ", ".join(value for other, value in fields if other == name) for name in names}
    assert server.client.get("/health", headers={**headers, "X-Request-ID": request_id}).status_code == 200
    return line_with(server, request_id)["peer"]


@pytest.fixture(scope="module")
def servers(tmp_path_factory):
    import harness
    made = {}
    for name, args in {"nobody": [], "another": ["--trusted-proxies", "10.0.0.0/8, ::1"],
                       "ours": ["--trusted-proxies", f"{LOOPBACK}, 10.0.0.0/8, 2001:db8::/32"],
                       "standard": ["--trusted-proxies", LOOPBACK, *FORWARDED]}.items():
        made[name] = harness.Headrace(tmp_path_factory.mktemp(name), args=["--access-log", "all", *args]).start()
    yield made
    for server in made.values():
        assert server.stop() == 0


@pytest.mark.parametrize("name", ["nobody", "another"])
@pytest.mark.parametrize("field", ["X-Forwarded-For", "Forwarded", "X-Real-IP"])
def test_who_is_not_trusted_is_not_believed(servers, name, field):
    assert peer_seen(servers[name], [(field, "for=192.0.2.1" if field == "Forwarded" else "192.0.2.1")]) == "127.0.0.1"


@pytest.mark.parametrize("said, seen", [
    ("192.0.2.1", "192.0.2.1"), ("192.0.2.1:8080", "192.0.2.1"), ("2001:dba::1", "2001:dba::1"), ("[2001:dba::1]:80", "2001:dba::1"),
    ("::ffff:192.0.2.1", "192.0.2.1"),
    ("203.0.113.9, 192.0.2.1", "192.0.2.1"),            # what stands on the left, the client has made up
    ("192.0.2.1, 10.1.2.3", "192.0.2.1"),               # through two proxies
    ("9.9.9.9, 192.0.2.1, 2001:db8::7, 10.1.2.3", "192.0.2.1"),
    ("10.1.2.3", "10.1.2.3"),                           # nobody but proxies
    ("192.0.2.1, unknown", "127.0.0.1"), ("nonsense", "127.0.0.1"), ("192.0.2.1, ", "127.0.0.1"), ("192.0.2.256", "127.0.0.1"),
    ("192.0.2.1, nonsense, 10.1.2.3", "10.1.2.3"),
])
def test_a_trusted_proxy_says_who_calls(servers, said, seen):
    assert peer_seen(servers["ours"], [("X-Forwarded-For", said)]) == seen


def test_without_the_field_it_is_the_proxy(servers):
    assert peer_seen(servers["ours"], []) == "127.0.0.1"
    assert peer_seen(servers["ours"], [("Forwarded", "for=192.0.2.1")]) == "127.0.0.1"  # not the field that it sets


@pytest.mark.parametrize("said, seen", [
    ("for=192.0.2.1", "192.0.2.1"), ('For="192.0.2.1:47011";proto=https', "192.0.2.1"), ('proto=http;for="[2001:db8::1]:80";by=_x', "2001:db8::1"),
    ("for=9.9.9.9, for=192.0.2.1", "192.0.2.1"), ("for=192.0.2.1, for=127.0.0.9", "192.0.2.1"), ("for=_hidden", "127.0.0.1"),
    ("proto=https", "127.0.0.1")])
def test_forwarded_of_rfc_7239(servers, said, seen):
    assert peer_seen(servers["standard"], [("Forwarded", said)]) == seen
    assert peer_seen(servers["standard"], [("X-Forwarded-For", "192.0.2.1")]) == "127.0.0.1"


def attempts(server, address, count):
    login = {"username": f"nobody{address}", "password": "wrong wrong wrong"}
    return [server.client.post("/api/auth/login", key=None, json={**login, "username": f"nobody{at}"},
                               headers={"X-Forwarded-For": address}).status_code for at in range(count)]


def test_limits_count_the_client_behind_the_proxy(fresh_server):
    server = fresh_server(args=["--logins-of-address", "3", "--trusted-proxies", LOOPBACK])
    assert attempts(server, "192.0.2.1", 4) == [401, 401, 401, 429]
    assert attempts(server, "192.0.2.2", 3) == [401, 401, 401]


def test_nobody_escapes_a_limit_by_the_field(fresh_server):
    server = fresh_server(args=["--logins-of-address", "3"])
    assert [attempts(server, f"192.0.2.{at}", 1)[0] for at in range(4)] == [401, 401, 401, 429]


@pytest.mark.parametrize("wrong", ["10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/x", "proxy.example", "10.0.0.0/4294967200", "/8"])
def test_a_block_that_is_none_is_refused(tmp_path, wrong):
    done = run("serve", "--data", str(tmp_path / "data"), "--trusted-proxies", f"::1, {wrong}", timeout=20)
    assert done.returncode != 0 and "trusted_proxies" in done.stderr and wrong in done.stderr
