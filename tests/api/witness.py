"""Holds the log against what was acknowledged: nothing lost, nothing twice, nothing out of order, no gap."""


class Witness:
    """Reads each record of the log once, however often it is asked.

    `gaps`: records may be dropped, by retention or an erasure, before they are read.
    """

    def __init__(self, gaps=False):
        self.gaps = gaps
        self.next_lsn = {}      # partition -> first LSN not read yet
        self.places = {}        # event id -> (partition, LSN)
        self.last_number = {}   # user -> number of the latest event read

    def read(self, server, partitions):
        for partition in range(partitions):
            begin = self.next_lsn.get(partition)
            words = ["--partition", str(partition)] + (["--from", str(begin)] if begin is not None else [])
            for record in server.records(*words):
                expected = begin is None or record["lsn"] == begin or (self.gaps and record["lsn"] > begin)
                assert expected, f"a gap before LSN {record['lsn']} of partition {partition}"
                begin = record["lsn"] + 1
                if record["kind"] == "event":
                    self._note(record)
            if begin is not None:
                self.next_lsn[partition] = begin

    def _note(self, record):
        event, place = record["event"], (record["partition"], record["lsn"])
        assert event["event_id"] not in self.places, f"{event['event_id']} is at {self.places[event['event_id']]} and {place}"
        self.places[event["event_id"]] = place
        number = event["data"].get("number")
        if number is not None:
            user = event["data"]["user_id"]
            last = self.last_number.get(user, -1)
            assert number > last, f"event {number} of {user} came after {last}"
            self.last_number[user] = number

    def check(self, acked):
        for event_id, place in acked.items():
            assert event_id in self.places, f"{event_id} was acknowledged at {place} and is lost"
            assert self.places[event_id] == place, f"{event_id} was acknowledged at {place}, stands at {self.places[event_id]}"

    def check_predictions(self, acked):
        """A prediction stands in the log as an event of its own, under its id."""
        lost = acked - self.places.keys()
        assert not lost, f"{len(lost)} predictions were acknowledged as durable and are lost, one of them {min(lost)}"
