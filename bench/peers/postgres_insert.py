"""PostgreSQL, synchronous_commit on: INSERT of an event of 200 bytes, one and a hundred rows per statement."""
import os
import shutil
import subprocess
import time
from glob import glob

from measure import PAYLOAD_BYTES, Folder, Row, Server, cpu_s, free_port, share, wait_for_port

NAME, PACKAGES = "PostgreSQL", ["postgresql"]
CONNECTIONS = 16
TABLE = ("CREATE TABLE events (event_id text PRIMARY KEY, event_type text NOT NULL, time timestamptz NOT NULL, "
         "user_id text NOT NULL, data jsonb NOT NULL)")


def folder_of_programs():
    found = sorted(glob("/usr/lib/postgresql/*/bin/initdb"))
    return os.path.dirname(found[-1]) if found else None


def statement(rows):
    data = '{"cart_id":"c1","product_id":"p1","price":19.99,"note":"%s"}' % ("x" * (PAYLOAD_BYTES - 110))
    one = f"(gen_random_uuid()::text, 'add_to_cart', now(), 'u' || (random() * 10000)::int, '{data}')"
    return "INSERT INTO events VALUES " + ", ".join([one] * rows) + ";\n"


class Account:
    """PostgreSQL refuses to run as root: as root, everything is done as its own user."""

    def __init__(self, folder):
        self.prefix = []
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
            self.prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]

    def run(self, *words):
        return subprocess.run([*self.prefix, *map(str, words)], capture_output=True, text=True, check=True)


def latencies_ms(folder):
    """pgbench writes one line per transaction: client, number, time in us, ..."""
    times = []
    for path in glob(str(folder / "latency*")):
        with open(path) as file:
            times += [int(line.split()[2]) / 1000 for line in file]
    return sorted(times)


def insert(account, programs, folder, port, pid, rows, seconds):
    runs = folder / f"rows{rows}"
    runs.mkdir()
    if account.prefix:
        shutil.chown(runs, "postgres", "postgres")
    script = runs / "insert.sql"
    script.write_text(statement(rows))
    before = cpu_s(pid)
    account.run(f"{programs}/pgbench", "-n", "-h", "127.0.0.1", "-p", port, "-U", "bench", "-c", CONNECTIONS, "-j", 2,
                "-T", int(seconds), "-M", "prepared", "-f", script, "-l", f"--log-prefix={runs}/latency", "postgres")
    time.sleep(0.3)  # until the backends are gone and counted with their parent
    used = cpu_s(pid) - before
    times = latencies_ms(runs)
    return Row(f"PostgreSQL INSERT, {rows} {'row' if rows == 1 else 'rows'} per statement", len(times) / seconds, len(times) / used,
               rows * len(times) / used, share(times, 0.5), share(times, 0.99), share(times, 0.999), f"{CONNECTIONS} connections")


def measure(seconds):
    programs = folder_of_programs()
    if not programs:
        return [Row("PostgreSQL INSERT", note="not installed (--install-peers)")]
    seconds = max(2, int(seconds))
    with Folder() as folder:
        account, port, data = Account(folder), free_port(), folder / "data"
        account.run(f"{programs}/initdb", "-D", data, "-U", "bench", "--auth=trust", "-E", "UTF8")
        command = [*account.prefix, f"{programs}/postgres", "-D", str(data), "-p", str(port), "-k", str(folder),
                   "-c", "listen_addresses=127.0.0.1", "-c", "shared_buffers=512MB", "-c", "max_wal_size=4GB"]
        with Server(command, folder / "log") as server:
            wait_for_port(port)
            account.run(f"{programs}/psql", "-h", "127.0.0.1", "-p", port, "-U", "bench", "-c", TABLE, "postgres")
            return [insert(account, programs, folder, port, server.pid, rows, seconds) for rows in (1, 100)]
