"""Calls to URLs that others name (`headrace call` does what the server does): nothing private is reached in any spelling, by any
redirect, or through a resolver that changes its mind. A listener on every address of this machine counts who connects."""
import http.server
import os
import socket
import subprocess
import threading

import pytest

from harness import BINARY

REBINDING = os.environ.get("HEADRACE_REBINDING")  # tests/api/rebinding.cc, which no sanitizer's runtime bears

# {p} is the port on which the listener waits.
FORMS = """
http://127.0.0.1:{p}/ http://127.0.0.1:{p} http://127.1:{p}/ http://127.0.1:{p}/ http://127.255.255.254:{p}/ http://127.0.0.1.:{p}/
http://2130706433:{p}/ http://0x7f000001:{p}/ http://0x7f.0.0.1:{p}/ http://0x7f.1:{p}/ http://127.0x0.0.0x1:{p}/ http://0X7F000001:{p}/
http://0177.0.0.1:{p}/ http://017700000001:{p}/ http://0177.0.0.0x1:{p}/ http://00000177.1:{p}/ http://127.0.0.01:{p}/
http://localhost:{p}/ http://LOCALHOST:{p}/ http://localhost.:{p}/ http://localhost.localdomain:{p}/ http://ip6-localhost:{p}/
http://0.0.0.0:{p}/ http://0:{p}/ http://00:{p}/ http://0x0:{p}/ http://[::]:{p}/ http://[::1]:{p}/ http://[0:0:0:0:0:0:0:1]:{p}/
http://[0000::0001]:{p}/ http://[::ffff:127.0.0.1]:{p}/ http://[::ffff:7f00:1]:{p}/ http://[::FFFF:7F00:0001]:{p}/
http://[0:0:0:0:0:ffff:127.0.0.1]:{p}/ http://[::127.0.0.1]:{p}/ http://[::7f00:1]:{p}/ http://[64:ff9b::127.0.0.1]:{p}/
http://[64:ff9b::7f00:1]:{p}/ http://[2002:7f00:1::]:{p}/ http://[2001::7f00:1]:{p}/ http://[::1%25lo]:{p}/ http://[fe80::1]:{p}/
http://[fe80::1%25lo]:{p}/ http://[fc00::1]:{p}/ http://[fd00::1]:{p}/ http://[fec0::1]:{p}/ http://[ff02::1]:{p}/ http://[2001:db8::1]:{p}/
http://10.0.0.1:{p}/ http://172.16.0.1:{p}/ http://172.31.255.254:{p}/ http://192.168.0.1:{p}/ http://3232235521:{p}/ http://0300.0250.0.1:{p}/
http://100.64.0.1:{p}/ http://169.254.169.254/latest/meta-data/ http://[::ffff:169.254.169.254]/ http://2852039166/ http://0xa9fea9fe/
http://192.0.0.1:{p}/ http://192.0.2.1:{p}/ http://198.18.0.1:{p}/ http://198.51.100.1:{p}/ http://203.0.113.1:{p}/ http://224.0.0.1:{p}/
http://240.0.0.1:{p}/ http://255.255.255.255:{p}/ https://127.0.0.1:{p}/ https://localhost:{p}/ HTTP://127.0.0.1:{p}/
http://user@127.0.0.1:{p}/ http://user:secret@127.0.0.1:{p}/ http://example.com@127.0.0.1:{p}/ http://example.com:80@127.0.0.1:{p}/
http://127.0.0.1:{p}@example.com/ http://127.0.0.1:{p}#@example.com/ http://127.0.0.1:{p}?@example.com/ http://127.0.0.1:{p}\\@example.com/
http:\\\\127.0.0.1:{p}/ http:/127.0.0.1:{p}/ http:127.0.0.1:{p}/ http:///127.0.0.1:{p}/ //127.0.0.1:{p}/ 127.0.0.1:{p} http://%31%32%37.0.0.1:{p}/
http://127.0.0.1%00.example.com:{p}/ http://127.0.0.1%2f@example.com:{p}/ http://127.0.0.1%09:{p}/ http://[127.0.0.1]:{p}/ http://[::1:{p}/
http://１２７.０.０.１:{p}/ http://①②⑦.⓪.⓪.①:{p}/ http://127。0。0。1:{p}/ http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ:{p}/ http://127.0.0.1:{p}:80/ http://127.0.0.1:0x50/
file:///etc/passwd file://127.0.0.1/etc/passwd ftp://127.0.0.1:{p}/ gopher://127.0.0.1:{p}/_GET dict://127.0.0.1:{p}/d smtp://127.0.0.1:{p}/
telnet://127.0.0.1:{p}/ ldap://127.0.0.1:{p}/ ws://127.0.0.1:{p}/ unix:///run/x.sock jar:http://127.0.0.1:{p}/!/ data:text/plain,x http://
""".split() + ["http://127.0.0.1:{p}/ x", " http://127.0.0.1:{p}/", "http://127.0.0.1:{p}/\r\nHost: x", "http://127.0.0.1\t:{p}/", "", "http://127.0.0.1:{p}/" + "a" * 3000]


class Watch:
    """Listens on every address there is and counts connections; speaks HTTP: `answer(path)` gives (status, headers, body)."""

    def __init__(self):
        self.seen, self.answers = [], {}
        watch = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                status, headers, body = watch.answers.get(self.path, (200, {}, b"hello"))
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def do_POST(self):
                watch.answers["posted"] = self.rfile.read(int(self.headers["Content-Length"])), dict(self.headers)
                self.do_GET()

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            address_family = socket.AF_INET6 if os.path.exists("/proc/net/if_inet6") else socket.AF_INET
            daemon_threads = True

            def server_bind(self):
                if self.address_family == socket.AF_INET6:
                    self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
                super().server_bind()

            def handle_error(self, *_):
                pass  # a caller that has heard enough

            def get_request(self):
                connection, peer = super().get_request()
                watch.seen.append(connection.getsockname()[0])
                return connection, peer

        self.server = Server(("", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def watch():
    one = Watch()
    yield one
    one.server.shutdown()
    one.server.server_close()


def call(url, *words, env=None):
    return subprocess.run([BINARY, "call", *words, "--", url], capture_output=True, text=True, timeout=60, env={**os.environ, **(env or {})})


def test_no_form_reaches_anything_private(watch):
    assert len(FORMS) >= 60
    for form in FORMS:
        url = form.format(p=watch.port)
        done = call(url)
        assert done.returncode != 0, f"{url!r} was called: {done.stdout}"
        assert done.stderr, url
        assert not watch.seen, f"{url!r} reached {watch.seen}"
    # And the listener does count: the first form, allowed.
    assert call(FORMS[0].format(p=watch.port), "--outgoing-allow", "127.0.0.1").returncode == 0
    assert watch.seen


def test_what_is_allowed_is_called_and_nothing_beside_it(watch):
    allowed = ["--outgoing-allow", "127.0.0.2, 127.0.1.0/24"]
    for host in ("127.0.0.2", "127.0.1.77"):
        done = call(f"http://{host}:{watch.port}/", *allowed)
        assert done.returncode == 0, done.stderr
        assert done.stdout == f"{host} answered 200 with 5 bytes\nhello"
    for host in ("127.0.0.1", "127.0.0.3", "127.0.2.1", "[::1]"):
        assert call(f"http://{host}:{watch.port}/", *allowed).returncode != 0
    assert len(watch.seen) == 2
    wrong = call("http://127.0.0.2/", "--outgoing-allow", "10.0.0.0/40")
    assert wrong.returncode != 0 and "outgoing.allow" in wrong.stderr


def test_a_post_has_its_body_and_no_secrets(watch):
    done = call(f"http://127.0.0.2:{watch.port}/hook", "--outgoing-allow", "127.0.0.2", "--body", '{"a":1}')
    assert done.returncode == 0, done.stderr
    body, headers = watch.answers["posted"]
    assert body == b'{"a":1}' and headers["Content-Type"] == "application/json"
    assert headers["User-Agent"].startswith("headrace/") and "Authorization" not in headers and "Cookie" not in headers


def test_redirects_are_answers(watch):
    watch.answers["/away"] = (302, {"Location": f"http://127.0.0.1:{watch.port}/private"}, b"")
    done = call(f"http://127.0.0.2:{watch.port}/away", "--outgoing-allow", "127.0.0.2")
    assert done.returncode == 0 and "answered 302" in done.stdout
    assert len(watch.seen) == 1


def test_no_proxy_leads_elsewhere(watch):
    proxy = f"http://127.0.0.1:{watch.port}"
    env = {name: proxy for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")}
    call(f"http://192.0.2.1:{watch.port}/", env=env)
    assert not watch.seen


def test_a_long_answer_is_refused(watch):
    watch.answers["/long"] = (200, {}, b"x" * 100_000)
    watch.answers["/head"] = (200, {f"X-{n}": "y" * 1000 for n in range(90)}, b"")
    for path in ("/long", "/head"):
        done = call(f"http://127.0.0.2:{watch.port}{path}", "--outgoing-allow", "127.0.0.2")
        assert done.returncode != 0 and done.stderr, path
        assert "xxx" not in done.stdout


@pytest.mark.skipif(not REBINDING, reason="HEADRACE_REBINDING is not set: no resolver changed its mind")
def test_a_resolver_that_changes_its_mind_gains_nothing(watch):
    env = {"LD_PRELOAD": REBINDING}
    allowed = ["--outgoing-allow", "127.0.0.2"]
    for n in range(5):
        done = call(f"http://name{n}.rebind.test:{watch.port}/", *allowed, env=env)
        assert done.returncode == 0 and done.stdout.startswith("127.0.0.2 answered"), done.stderr
    for n in range(5):
        done = call(f"http://then{n}.rebind.test:{watch.port}/", *allowed, env=env)
        assert done.returncode != 0 and "127.0.0.1" in done.stderr
    assert len(watch.seen) == 5 and all(one.endswith("127.0.0.2") for one in watch.seen)
