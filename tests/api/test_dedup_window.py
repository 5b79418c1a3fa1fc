"""How long an event id is remembered (`dedup_window`): new again when it is older, also over restarts and kill -9."""
import re
import time

import pytest

from harness import good, run
from shopping import event

WINDOW_S = 2.0


def send(server, event_id):
    return server.client.send(event("page_view", "somebody", event_id=event_id))


def is_duplicate_of(answer, first):
    return answer.get("duplicate") is True and (answer["partition"], answer["offset"]) == (first["partition"], first["offset"])


def is_new(answer, after):
    return not answer.get("duplicate") and answer["partition"] == after["partition"] and answer["offset"] > after["offset"]


@pytest.fixture
def forgetful(fresh_server):
    return fresh_server(args=["--dedup-window", "2s"])


def test_an_id_is_new_again_when_it_is_older_than_the_window(forgetful):
    first = send(forgetful, "evt_1")
    assert is_duplicate_of(send(forgetful, "evt_1"), first)
    time.sleep(WINDOW_S + 0.3)
    second = send(forgetful, "evt_1")
    assert is_new(second, first)
    assert is_duplicate_of(send(forgetful, "evt_1"), second), "the later one counts"
    time.sleep(WINDOW_S / 2)
    assert is_duplicate_of(send(forgetful, "evt_1"), second), "a repeat changes nothing,"
    time.sleep(WINDOW_S / 2 + 0.3)
    assert is_new(send(forgetful, "evt_1"), second), "so it does not make the window begin anew either"
    assert forgetful.stop() == 0
    assert [record["event"]["event_id"] for record in forgetful.events()] == ["evt_1"] * 3
    forgetful.verify()


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_the_rule_holds_over_a_restart(fresh_server, end):
    server = fresh_server(args=["--dedup-window", "6s"])
    old = send(server, "evt_old")
    time.sleep(3)
    young = send(server, "evt_young")
    getattr(server, end)()
    server.start()
    sent = time.monotonic()
    assert is_duplicate_of(send(server, "evt_old"), old)
    assert is_duplicate_of(send(server, "evt_young"), young)
    time.sleep(3.5 - (time.monotonic() - sent))
    assert is_new(send(server, "evt_old"), old)
    assert is_duplicate_of(send(server, "evt_young"), young)
    getattr(server, end)()
    time.sleep(3)
    server.start()
    assert is_new(send(server, "evt_young"), young), "it grew too old while the server was down"
    server.stop()
    server.verify()


def test_metrics_say_where_the_window_begins(forgetful):
    def begins():
        text = forgetful.client.get("/metrics").text
        return sum(int(value) for value in re.findall(r"^headrace_id_window_lsn{.*} (\d+)$", text, re.M))
    events = [event("page_view", f"user{i % 50}", event_id=f"evt_{i}") for i in range(2_000)]
    forgetful.client.send_all(events)
    before = begins()
    time.sleep(WINDOW_S + 0.3)
    assert begins() >= before + len(events)
    answers = good(forgetful.client.post("/api/events/batch", json=events[:1000]))
    assert not any(result.get("duplicate") for result in answers["results"])


@pytest.mark.parametrize("window", ["7", "7w", "-1d", "a week", ""])
def test_a_window_that_is_none_is_refused(tmp_path, window):
    config = tmp_path / "headrace.toml"
    config.write_text(f'dedup_window = "{window}"\n')
    done = run("config", "check", "--config", str(config))
    assert done.returncode == 1 and "dedup_window" in done.stderr


def test_the_memory_of_the_index_can_be_set(tmp_path):
    config = tmp_path / "headrace.toml"
    for mib, good_one in ((7, False), (8, True), (65_536, True), (65_537, False)):
        config.write_text(f'dedup_window = "7d"\ndedup_memory_mib = {mib}\n')
        done = run("config", "check", "--config", str(config))
        assert (done.returncode == 0) == good_one and ("dedup_memory_mib" in done.stderr) != good_one
