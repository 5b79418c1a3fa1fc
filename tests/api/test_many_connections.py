"""More connections than there is room for, and thousands that are idle: neither costs others anything, nor do sockets take the
descriptors that the log needs. HEADRACE_IDLE_CONNECTIONS=5000 for the long form."""
import os
import resource
import socket
import time

from harness import Headrace
from shopping import event
from test_http_corpus import address_of
from test_slow_clients import counter, p99_ms

IDLE = int(os.environ.get("HEADRACE_IDLE_CONNECTIONS", "500"))
IDLE_KIB_MAX = 64
REQUEST = b"GET /health HTTP/1.1\r\nHost: t\r\n\r\n"
KEPT, KEPT_PER_PARTITION = 256, 32  # descriptors for what is no connection, as docs/operations.md says


def anonymous_kib(pid):
    with open(f"/proc/{pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("RssAnon"))


def ask(one):
    """The status a kept connection is answered with; None where it is no more."""
    try:
        one.sendall(REQUEST)
        heard = b""
        while b"}" not in heard:
            more = one.recv(65536)
            if not more:
                return None
            heard += more
        return int(heard.split()[1])
    except OSError:
        return None


def connect(server, count):
    made = []
    for _ in range(count):
        one = socket.create_connection(address_of(server))
        one.settimeout(20)
        made.append(one)
    return made


def test_idle_connections_are_small_and_stay(fresh_server, capsys):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, IDLE + 1000)), hard))
    server = fresh_server(args=["--loops", "2"])
    clients = connect(server, 20)
    assert all(ask(one) == 200 for one in clients)
    alone, before = p99_ms(server, 500), anonymous_kib(server.process.pid)
    crowd = connect(server, IDLE)
    assert all(ask(one) == 200 for one in crowd)
    each = (anonymous_kib(server.process.pid) - before) / IDLE
    among = p99_ms(server, 500)
    assert counter(server, "http_connections") >= IDLE
    assert all(ask(one) == 200 for one in crowd), "an idle connection was lost"
    with capsys.disabled():
        print(f"\n{IDLE} idle connections: {each:.1f} KiB each; p99 of /health {alone:.2f} ms without and {among:.2f} ms among them")
    if "san/" not in os.environ.get("HEADRACE_BINARY", ""):  # whose allocators are none to measure
        assert each <= IDLE_KIB_MAX
    for one in clients + crowd:
        one.close()


def test_sockets_leave_descriptors_for_files(fresh_server):
    room = 60
    files = KEPT + 2 * KEPT_PER_PARTITION + room
    server = fresh_server(args=["--segment-bytes", "262144"], open_files=(files // 2, files))  # the soft limit is raised
    assert counter(server, "http_connections_max") == room
    crowd = connect(server, 3 * room)
    told = [ask(one) for one in crowd]
    kept = [one for one, status in zip(crowd, told) if status == 200]
    assert room - 5 <= len(kept) <= room  # some are the test's own
    assert set(told) <= {200, 503, None}
    assert counter(server, "http_connections_refused_total") >= 3 * room - len(kept) - 5
    refused = connect(server, 1)[0]
    assert b"\r\nRetry-After: 1\r\n" in refused.recv(65536)
    # The log goes on meanwhile, into new segments.
    before = segments(server)
    for n in range(20):
        noise = [event("page_view", f"u{n}", noise=os.urandom(2000).hex()) for _ in range(50)]
        server.client.send_all(noise)
    assert segments(server) >= before + 3
    used = cpu_s(server.process.pid)
    time.sleep(1)
    assert cpu_s(server.process.pid) - used < 0.5, "it spins"
    for one in crowd:
        one.close()
    until = time.monotonic() + 10
    while counter(server, "http_connections") > 10 and time.monotonic() < until:
        time.sleep(0.05)
    again = connect(server, room - 10)
    assert all(ask(one) == 200 for one in again)
    assert server.stop() == 0


def segments(server):
    return len(list(server.data.glob("p*/log/*.seg")))


def cpu_s(pid):
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_too_few_descriptors_are_refused_at_the_start(tmp_path):
    server = Headrace(tmp_path, open_files=(300, 300))
    server.launch()
    assert server.process.wait(20) != 0
    assert "RLIMIT_NOFILE" in server.stderr() and "300 open files" in server.stderr(), server.stderr()


def test_the_system_running_out_is_survived(fresh_server):
    """Not ours to prevent: the limit is lowered under the running server, so that accept() itself fails."""
    server = fresh_server()
    pid = server.process.pid
    open_now = len(os.listdir(f"/proc/{pid}/fd"))
    keep = connect(server, 5)
    assert all(ask(one) == 200 for one in keep)
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (open_now + 8, hard))
    crowd = connect(server, 100)
    told = [ask(one) for one in crowd]
    assert None in told
    assert all(ask(one) == 200 for one in keep), "an old connection suffers"
    before = cpu_s(pid)
    time.sleep(1)
    assert cpu_s(pid) - before < 0.5, "it spins"
    for one in crowd:
        one.close()
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
    assert all(ask(one) == 200 for one in connect(server, 30))
