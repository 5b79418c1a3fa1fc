"""Features computed the slow way from a list of events: the words of docs/features.md in plain Python.

Shares no code with the server. An event is a dict as producers send it: event_type, timestamp (ISO 8601, UTC where it names no
zone; or an int of microseconds), data. features(events, "cart", "c1") gives {name: value}; a missing value is None.
"""
import json
import math
import pathlib
import re
from datetime import datetime, timedelta, timezone

MINUTE = 60_000_000
DAY = 24 * 60 * MINUTE
HORIZON = 7 * DAY
SILENCE = 30 * MINUTE  # ends a session
DWELL_MAX = 30 * MINUTE
POINTS_MAX = 512
EXACT_MAX = 128  # distinct values counted exactly
LENGTHS = {"5m": 5 * MINUTE, "1h": 60 * MINUTE, "24h": DAY, "7d": HORIZON}
TYPES = {"view": "product_view", "pv": "product_view", "item_viewed": "product_view", "cart": "add_to_cart",
         "buy": "purchase", "fav": "wishlist_add"}
FIELDS = {"amount": "value", "item_id": "product_id"}
KEYS = {"cart": "cart_id", "user": "user_id", "session": "session_id"}
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def documented_definitions(path=None):
    """The default set, read from the tables of docs/features.md."""
    path = path or pathlib.Path(__file__).parents[2] / "docs" / "features.md"
    definitions, entity = [], None
    for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines():
        if line.startswith("### "):
            entity = line[4:].strip()
        elif entity and line.startswith("| `"):
            cells = [cell.strip().strip("`") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            name, aggregate, events, value, window = cells[:5]
            definitions.append({"entity": entity, "name": name, "aggregate": aggregate,
                                "events": events.replace("\\|", "|"), "value": value, "window": window})
    return definitions


def micros(timestamp):
    if isinstance(timestamp, int):
        return timestamp
    time = datetime.fromisoformat(timestamp.replace("Z", "+00:00"))
    if time.tzinfo is None:
        time = time.replace(tzinfo=timezone.utc)
    return (time - EPOCH) // timedelta(microseconds=1)


class Fact:
    """One event as definitions see it."""

    def __init__(self, event):
        self.time = micros(event["timestamp"])
        self.type = TYPES.get(event["event_type"], event["event_type"])
        self.numbers, self.identities = {}, {}
        for name, value in (event.get("data") or {}).items():
            self._take(FIELDS.get(name, name), value)
        self.numbers.setdefault("quantity", 1.0)

    def _take(self, name, value):
        if isinstance(value, str):
            self.identities[name] = value
        elif isinstance(value, (bool, int, float)):
            try:
                number = float(value)
            except OverflowError:
                return
            if math.isfinite(number):
                self.numbers[name] = number
                self.identities[name] = json.dumps(value)

    def value(self, text):
        parts = [FIELDS.get(part.strip(), part.strip()) for part in text.split("*")]
        if any(part not in self.numbers for part in parts):
            return None
        value = self.numbers[parts[0]] * (self.numbers[parts[1]] if len(parts) > 1 else 1.0)
        return value if abs(value) <= 9e12 else None


def clause_matches(clause, fact):
    found = re.fullmatch(r"\s*([^\[\s]+)\s*(?:\[\s*([^=\s]+)\s*=\s*(.*?)\s*\])?\s*", clause)
    kind, field, text = found.groups()
    if kind != "*" and TYPES.get(kind, kind) != fact.type:
        return False
    return field is None or fact.identities.get(FIELDS.get(field, field)) == text


def sign(events, fact):
    """1: added, -1: subtracted, 0: no clause matches."""
    result = 0
    for clause in events.split("|"):
        clause = clause.strip()
        if clause_matches(clause.removeprefix("-"), fact):
            if not clause.startswith("-"):
                return 1
            result = -1
    return result


def session_start(facts, as_of):
    """Going back over every silence of at most 30 minutes; None where the last one is longer."""
    start, found = as_of, None
    for fact in reversed(facts):
        if fact.time <= as_of:
            if start - fact.time > SILENCE:
                break
            start = found = fact.time
    return found


def in_window(facts, window, as_of):
    """The facts of a window and the time it covers, in microseconds."""
    if window == "all_time":
        return facts, as_of - facts[0].time
    if window == "session":
        start = session_start(facts, as_of)
        if start is None:
            return [], 0
        return [fact for fact in facts if start <= fact.time <= as_of], as_of - start
    since = as_of - LENGTHS[window]
    return [fact for fact in facts if since < fact.time <= as_of], LENGTHS[window]


def dwell(events, facts):
    instants = {}
    for fact in facts:
        instants[fact.time] = instants.get(fact.time, False) or sign(events, fact) != 0
    times = sorted(instants)
    return sum(min(after - time, DWELL_MAX) for time, after in zip(times, times[1:]) if instants[time]) / 1e6


def calendar(aggregate, time):
    moment = EPOCH + timedelta(microseconds=time)
    return {"hour": moment.hour, "month": moment.month, "weekend": int(moment.weekday() >= 5)}[aggregate]


def exact_sum(values):
    return sum(round(value * 1e6) for value in values) / 1e6


def feature(definition, facts, as_of):
    aggregate, events = definition["aggregate"], definition["events"]
    within, length = in_window(facts, definition["window"], as_of)
    signed = [(fact, s) for fact in within for s in [sign(events, fact)] if s]
    if aggregate == "count":
        return sum(s for _, s in signed)
    if aggregate == "rate":
        return sum(s for _, s in signed) * 60 / (max(length, MINUTE) / 1e6)
    if aggregate == "seconds":
        return dwell(events, within)
    if aggregate == "time_since":
        return max(0, as_of - signed[-1][0].time) / 1e6 if signed else None
    if aggregate in ("hour", "month", "weekend"):
        return calendar(aggregate, signed[-1][0].time) if signed else None
    if aggregate == "distinct":
        field = FIELDS.get(definition["value"], definition["value"])
        return len({fact.identities[field] for fact, _ in signed if field in fact.identities})
    valued = [(fact.time, value, s) for fact, s in signed for value in [fact.value(definition["value"])]
              if value is not None]
    if aggregate == "sum":
        return exact_sum([s * value for _, value, s in valued])
    if not valued:
        return None
    values = [value for _, value, _ in valued]
    if aggregate == "mean":
        return exact_sum(values) / len(values)
    if aggregate == "min":
        return min(values)
    if aggregate == "max":
        return max(values)
    if aggregate == "first":
        return min((time, value) for time, value, _ in valued)[1]
    return max((time, value) for time, value, _ in valued)[1]


def facts_of(events, kind, key):
    named = [event for event in events if str((event.get("data") or {}).get(KEYS[kind])) == str(key)]
    return sorted((Fact(event) for event in named), key=lambda fact: fact.time)


def features(events, kind, key, as_of=None, definitions=None):
    """{name: value}, or None where nothing is known of the entity."""
    facts = facts_of(events, kind, key)
    if not facts:
        return None
    when = facts[-1].time if as_of is None else micros(as_of)
    chosen = [d for d in definitions or documented_definitions() if d["entity"] == kind]
    return {d["name"]: feature(d, facts, when) for d in chosen}


def is_exact(events, kind, key, shuffled=False):
    """Whether the server must give the very same numbers for windows up to the newest event.

    False where windows reach behind the 512 newest events, where distinct values are estimated, or, when events came out
    of order, where all-time dwell may have lost the neighbours of a late one.
    """
    facts = facts_of(events, kind, key)
    newest = facts[-1].time
    recent = sum(fact.time > newest - HORIZON for fact in facts)
    products = {fact.identities.get("product_id") for fact in facts}
    late = shuffled and (recent < len(facts))
    return recent <= POINTS_MAX and len(products) <= EXACT_MAX and not late


def same(got, want, tolerance=1e-9):
    """Equal up to the way numbers are printed; None and NaN are both missing."""
    missing = [value is None or (isinstance(value, float) and math.isnan(value)) for value in (got, want)]
    if any(missing):
        return all(missing)
    return math.isclose(float(got), float(want), rel_tol=tolerance, abs_tol=tolerance)
