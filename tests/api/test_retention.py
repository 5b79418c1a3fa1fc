"""Old events go by type and by age, and the state stays what the log made it."""
import signal
import time
from hashlib import blake2b

import pytest

import harness
from shopping import event
from test_repack import metric

TYPES = ("page.view", "order", "search")


def rules(tmp_path, text):
    path = tmp_path / "retention.toml"
    path.write_text("segment_bytes = 65536\n" + text)
    return ["--config", str(path)]


def feed(server, name, count=1500):
    people = [name("user") for _ in range(20)]
    events = [event(TYPES[n % 3], people[n % 20], cart=f"cart-{n % 30}", session=f"session-{n % 10}", event_id=name("evt"),
                    price=n, quantity=1, noise=blake2b(b"%d" % n).hexdigest()) for n in range(count)]
    server.client.send_all(events, size=100)
    return people, events


def count_by_type(server):
    out = dict.fromkeys(TYPES, 0)
    for kind in TYPES:
        page = server.client.query(event_type=kind, limit=1000)
        out[kind] = len(page["events"])
        while page.get("next_cursor"):
            page = server.client.query(event_type=kind, limit=1000, cursor=page["next_cursor"])
            out[kind] += len(page["events"])
    return out


def wait_until(what, seconds=60):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if what():
            return
        time.sleep(0.25)
    raise AssertionError("it did not happen")


def features(server):
    return {n: server.client.features(f"cart-{n}")["features"] for n in (1, 2, 3)}


def test_one_type_goes_and_the_others_stay(fresh_server, tmp_path, name):
    server = fresh_server(args=rules(tmp_path, '[retention.types]\n"page.view" = "3s"\n'))
    feed(server, name)
    before = features(server)
    assert count_by_type(server)["order"] == 500
    wait_until(lambda: count_by_type(server)["page.view"] == 0)
    assert count_by_type(server) == {"page.view": 0, "order": 500, "search": 500}
    assert features(server) == before, "features remember"
    assert metric(server, "headrace_retention_segments_thinned") > 0 and metric(server, "headrace_retention_records_dropped") >= 500
    assert server.stop() == 0
    server.verify()


def test_what_is_too_old_goes_with_its_segments_and_the_start_needs_none_of_them(fresh_server, tmp_path, name):
    server = fresh_server(args=rules(tmp_path, '[retention]\nmax_age = "3s"\n'))
    people, events = feed(server, name)
    before = features(server)
    wait_until(lambda: sum(count_by_type(server).values()) == 0)
    assert not list(server.data.glob("p*/log/0000000001.seg"))
    assert metric(server, "headrace_log_first_lsn") > 2
    again = server.client.send(events[0])
    assert again["duplicate"] is True, "an id may outlive its event"
    server.kill()
    server.start()
    assert features(server) == before
    assert server.stop() == 0
    server.verify()


def test_the_log_stays_below_its_size(fresh_server, tmp_path, name):
    server = fresh_server(args=[*rules(tmp_path, "repack = false\n[retention]\nmax_bytes = 400000\n"), "--partitions", "1"])
    feed(server, name, 12_000)
    size = lambda: sum(path.stat().st_size for path in server.data.glob("p*/log/*.seg"))
    wait_until(lambda: metric(server, "headrace_retention_segments_dropped") > 0 and size() <= 400_000 + 65_536)
    assert server.stop() == 0
    server.verify()


@pytest.mark.parametrize("rule", ['max_age = "2s"', 'types = {"page.view" = "2s"}'])
@pytest.mark.parametrize("count", [1, 2, 5])
def test_killed_in_the_middle(fresh_server, tmp_path, name, rule, count):
    server = fresh_server(args=rules(tmp_path, f"[retention]\n{rule}\n"))
    server.stop()
    server.start({"HEADRACE_KILL_POINT": f"in_retention:{count}"})
    feed(server, name, 900)
    before = features(server)
    wait_until(lambda: not server.running())
    assert server.process.wait() == -signal.SIGKILL
    server.start()
    assert features(server) == before
    wait_until(lambda: count_by_type(server)["page.view"] == 0)
    assert server.stop() == 0
    server.verify()


def test_what_changed_definitions_made_rows_of_stays_until_a_base_has_them(fresh_server, tmp_path, name):
    """A base by the old ones is no place to begin for the new ones, who folded the log as it was."""
    server = fresh_server(args=rules(tmp_path, ""))
    feed(server, name)
    assert server.stop() == 0
    assert server.command("base").returncode == 0
    defined = '[[features]]\nentity = "cart"\nname = "views"\naggregate = "count"\nevents = "page.view"\nvalue = ""\nwindow = "all_time"\n'
    server.args = rules(tmp_path, '[retention.types]\n"page.view" = "1s"\n' + defined)
    server.start()
    wait_until(lambda: server.client.get("/admin/features/backfill").json()["status"] == "complete")
    server.client.send_all([event("order", name("user"), event_id=name("evt")) for _ in range(20)])  # with the next record there can be another base
    wait_until(lambda: count_by_type(server)["page.view"] == 0)
    before = features(server)
    assert all("views" in one for one in before.values())
    assert server.stop() == 0
    server.verify()
    server.start()
    assert features(server) == before
    assert server.stop() == 0


@pytest.mark.parametrize("text, says", [
    ('[retention]\nmax_age = "soon"\n', "retention.max_age"), ("[retention]\nmax_bytes = -1\n", "retention.max_bytes"),
    ('[retention]\nages = "1d"\n', "retention.ages"), ('[retention.types]\n"page.view" = 30\n', "page.view"),
    ('[retention.types]\n"page.view" = "30"\n', "page.view"), ('retention = "30d"\n', "retention")])
def test_rules_are_checked(tmp_path, text, says):
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    done = harness.run("config", "check", "--config", str(path))
    assert done.returncode == 1 and says in done.stderr, done.stderr
