"""The witness of the crash tests catches what it is there for."""
import pytest

from witness import Witness


class Log:
    """Stands in for a server: only its log is read."""

    def __init__(self, records):
        self.content = records

    def records(self, *words):
        begin = int(words[3]) if len(words) > 2 else 0
        return [one for one in self.content if one["partition"] == int(words[1]) and one["lsn"] >= begin]


def record(lsn, number, user="u", partition=0):
    return {"partition": partition, "lsn": lsn, "kind": "event",
            "event": {"event_id": f"e{number}", "data": {"user_id": user, "number": number}}}


def judge(records, acked):
    witness = Witness()
    witness.read(Log(records), 2)
    witness.check(acked)


def test_a_sound_log_passes_also_when_it_grows():
    log, witness = Log([record(1, 0), record(2, 1)]), Witness()
    witness.read(log, 2)
    witness.check({"e0": (0, 1), "e1": (0, 2)})
    log.content += [record(3, 2), record(1, 3, "v", partition=1)]
    witness.read(log, 2)
    witness.check({"e2": (0, 3), "e3": (1, 1)})


@pytest.mark.parametrize("fault, records, acked", [
    ("is lost", [record(1, 0)], {"e0": (0, 1), "e1": (0, 2)}),
    ("stands at", [record(1, 0), record(2, 1)], {"e1": (0, 1)}),
    ("and", [record(1, 0), record(2, 0)], {}),
    ("came after", [record(1, 1), record(2, 0)], {}),
    ("a gap", [record(1, 0), record(3, 1)], {}),
])
def test_each_fault_is_caught(fault, records, acked):
    with pytest.raises(AssertionError, match=fault):
        judge(records, acked)
