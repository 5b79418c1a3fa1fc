"""Lead score from the user's own outcomes: what `headrace log cat` prints becomes a model that knows no prior."""

import hashlib
import json
import pathlib
import re
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timezone

import numpy as np
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import StratifiedGroupKFold

import train_common as t
from train_lead import NAME, SCORES, SIZES, TEXTS

FIELDS = SCORES + ["company_size", "budget"]
SIZE_CODES = {name: float(code) for code, (name, _) in enumerate(SIZES)}
# The scores say by their definition that more is better; of the other two nothing is assumed.
PARAMETERS = {"max_depth": 3, "eta": 0.05, "subsample": 0.8, "colsample_bynode": 0.7, "min_child_weight": 3, "lambda": 3,
              "monotone_constraints": "(1,1,1,1,1,0,0)"}
ROUNDS = 150
SPLITS = 5
EACH_MIN = 100  # leads that converted, and leads that did not
UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(text):
    """'90d' -> 7776000"""
    if not re.fullmatch(r"[1-9]\d*[smhd]", text):
        sys.exit(f"--within must be a number and s, m, h or d, not {text!r}")
    return int(text[:-1]) * UNITS_S[text[-1]]


def moment(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


@dataclass
class Scored:
    """One prediction, with what the model saw when it was made."""
    time: float
    id: str
    lead: str
    features: list
    probability: float
    label: int = -1  # 1 converted, 0 not; -1 still open


class Log:
    """The predictions and outcomes of leads in a log, and its end."""

    def __init__(self, lines):
        self.scored, self.outcomes, self.end, self.outcome_count = [], defaultdict(list), 0.0, 0
        for line in lines:
            self.read(line)
        self.scored.sort(key=lambda one: (one.time, one.id))
        self.end = moment(self.end) if self.end else 0.0

    def read(self, line):
        made = re.search(r'"time":"([^"]+)"', line)
        if not made:
            sys.exit(f"this is no line of `headrace log cat`: {line[:200]!r}")
        self.end = max(self.end or "", made.group(1))
        if '"prediction.completed"' not in line and '"lead.' not in line:
            return
        event = json.loads(line).get("event", {})
        if event.get("event_type") == "prediction.completed" and event.get("source") == "headrace":
            self.read_prediction(event)
        elif event.get("event_type") in ("lead.converted", "lead.lost"):
            self.read_outcome(event)

    def read_prediction(self, event):
        data = event["data"]
        if data["model"] != NAME:
            return
        values = [as_number(data["features"].get(field)) for field in FIELDS]
        self.scored.append(Scored(moment(event["timestamp"]), event["event_id"],
                                  data.get("lead_id") or "prediction " + event["event_id"], values, data["probability"]))

    def read_outcome(self, event):
        data = event["data"]
        outcome = (moment(event["timestamp"]), event["event_type"] == "lead.converted")
        self.outcome_count += 1
        for member in ("lead_id", "prediction_id"):
            if isinstance(data.get(member), str):
                self.outcomes[member, data[member]].append(outcome)

    def by_lead(self):
        """Outcomes of each lead, whether they name it or one of its predictions."""
        found = defaultdict(list)
        for lead in {one.lead for one in self.scored}:
            found[lead] += self.outcomes.get(("lead_id", lead), [])
        for one in self.scored:
            found[one.lead] += self.outcomes.get(("prediction_id", one.id), [])
        return found


def as_number(value):
    if isinstance(value, str):
        return SIZE_CODES.get(value, np.nan)
    return np.nan if value is None else float(value)


def label_of(one, outcomes, within, end):
    """1, 0, -1 while it is open, or None if the lead had converted before it was scored."""
    if any(converted and time <= one.time for time, converted in outcomes):
        return None
    after = [converted for time, converted in outcomes if one.time < time <= one.time + within]
    if any(after):
        return 1
    return 0 if after or one.time + within <= end else -1


def decided(log, within):
    """Predictions in the order in which they were made, up to the first whose lead is still open, labelled.

    Behind it only the quick outcomes are known, and a model of those would believe that all leads are quick.
    """
    outcomes = log.by_lead()
    rows, too_late = [], 0
    for at, one in enumerate(log.scored):
        label = label_of(one, outcomes[one.lead], within, log.end)
        if label == -1:
            return rows, too_late, len(log.scored) - at
        if label is None:
            too_late += 1
        else:
            one.label = label
            rows.append(one)
    return rows, too_late, 0


class Table:
    """Rows, labels, and weights under which each lead counts once, however often it was scored."""

    def __init__(self, rows):
        times = Counter(one.lead for one in rows)
        leads = {lead: number for number, lead in enumerate(times)}
        self.values = np.array([one.features for one in rows], np.float32).reshape(-1, len(FIELDS))
        self.labels = np.array([one.label for one in rows], np.float32)
        self.weights = np.array([1 / times[one.lead] for one in rows])
        self.leads = np.array([leads[one.lead] for one in rows], int)
        self.served = np.array([one.probability for one in rows])
        self.lead_count = len(leads)
        self.converted = len({one.lead for one in rows if one.label == 1})


def refuse_too_few(table, log, open_count, within):
    missed = table.lead_count - table.converted
    if min(table.converted, missed) >= EACH_MIN:
        return
    sys.exit(f"""too few outcomes: of {table.lead_count} leads whose outcome is known {table.converted} converted and {missed} did not.

At least {EACH_MIN} of each are needed. Fewer cannot show that a model is any good: of {SPLITS} folds each tests on a {SPLITS}th, and
with 20 leads of a kind the area under the curve has a standard error of 0.08, over all folds of more than 0.03.

The log holds {len(log.scored)} lead scores and {log.outcome_count} outcomes (lead.converted, lead.lost). {open_count} scores were made at or
after that of the first lead which is still open: no outcome, and scored less than {within} before the log's end.""")


def fit(table, index):
    return t.boost(table.values[index], table.labels[index], PARAMETERS, ROUNDS, FIELDS, table.weights[index])


def cross_validate(table, repeats):
    """The prediction for each row by models that never saw its lead, averaged over the repeats."""
    p = np.zeros(len(table.labels))
    for repeat in range(repeats):
        kind = StratifiedGroupKFold(SPLITS, shuffle=True, random_state=500 + repeat)
        for train, test in kind.split(table.values, table.labels, table.leads):
            p[test] += t.predict(fit(table, train), table.values[test]) / repeats
    return p


def measure(table, p):
    weight = table.weights
    return {
        "auc": round(float(roc_auc_score(table.labels, p, sample_weight=weight)), 4),
        "log_loss": round(float(log_loss(table.labels, np.clip(p, 1e-7, 1 - 1e-7), sample_weight=weight)), 4),
        "mean_prediction": round(float(np.average(p, weights=weight)), 4),
        "rate": round(float(np.average(table.labels, weights=weight)), 4),
    }


def influence(table, booster):
    """Each field's share of what moves the answer: mean distance of its SHAP value from zero."""
    moved = np.abs(t.contributions(booster, table.values))[:, :-1]
    mean = np.average(moved, axis=0, weights=table.weights)
    return dict(zip(FIELDS, (mean / mean.sum()).round(4).tolist() if mean.sum() > 0 else mean.tolist()))


def bands(rate):
    """Warm from the user's own rate, Hot from twice it, or half of what is left above it."""
    hot = min(2 * rate, (1 + rate) / 2)
    return [{"name": "Cold", "from": 0.0}, {"name": "Warm", "from": round(rate, 4)}, {"name": "Hot", "from": round(hot, 4)}]


def features():
    scores = [{"name": name, "kind": "numeric", "description": text, "min": 1, "max": 10}
              for name, text in zip(SCORES, TEXTS)]
    size = {"name": "company_size", "kind": "category", "description": "Employees",
            "categories": [t.category(name) for name, _ in SIZES]}
    budget = {"name": "budget", "kind": "numeric", "description": "Available budget in USD", "min": 0, "max": 1e12}
    return scores + [size, budget]


def train(path, into, within, repeats):
    with sys.stdin if path == "-" else open(path, encoding="utf-8") as lines:
        log = Log(lines)
    rows, too_late, open_count = decided(log, seconds(within))
    table = Table(rows)
    refuse_too_few(table, log, open_count, within)
    p = cross_validate(table, repeats)
    measured, served = measure(table, p), measure(table, table.served)
    booster = fit(table, np.arange(len(table.labels)))
    day = datetime.fromtimestamp(log.end, timezone.utc)
    digest = hashlib.sha256(booster.save_raw("json")).hexdigest()[:8]
    facts = {
        "day": f"{day:%Y-%m-%d}", "within": within, "repeats": repeats, "version": f"v2.{day:%Y%m%d}.{digest}",
        "leads": table.lead_count, "converted": table.converted, "rows": len(rows), "open": open_count, "too_late": too_late,
        "measured": measured, "served": served, "influence": influence(table, booster), "bands": bands(measured["rate"]),
    }
    folder = pathlib.Path(into)
    t.write_model(container(facts), booster, folder)
    t.write_card(NAME, card(facts, table, p), folder)
    print(f"{NAME} {facts['version']}: AUC {measured['auc']}, log loss {measured['log_loss']} on leads not trained on; the scores that "
          f"were served had {served['auc']} and {served['log_loss']}")
    if measured["auc"] <= served["auc"]:
        print("WARNING: it orders these leads no better than the model that served; read the card before it is used")


def container(facts):
    return {
        "headrace_model": 1, "name": NAME, "version": facts["version"],
        "task": f"probability that the lead converts within {facts['within']}",
        "summary": "Gradient boosted trees on the seller's own outcomes; company_size and budget are ordinary features, no prior.",
        "features": features(), "bands": facts["bands"], "decision_threshold": 0.5,
        "card": {
            "data": "lead.converted and lead.lost of the seller's own log", "licence": "the seller's own", "rows": facts["rows"],
            "leads": facts["leads"], "trained": facts["day"],
            "measured": f"{SPLITS}-fold cross-validation by lead, {facts['repeats']} times",
            "metrics": {"this": facts["measured"], "as_served": facts["served"]}, "influence": facts["influence"],
        },
    }


def sizes_table(table, p):
    """Observed and predicted rate by company size, on leads not trained on."""
    rows = []
    for name, code in SIZE_CODES.items():
        inside = table.values[:, FIELDS.index("company_size")] == code
        if inside.any():
            weight = table.weights[inside]
            rows.append([name, f"{weight.sum():.0f}", f"{np.average(table.labels[inside], weights=weight):.1%}",
                         f"{np.average(p[inside], weights=weight):.1%}", f"{np.average(table.served[inside], weights=weight):.1%}"])
    return t.table(["company size", "leads", "converted", "this model says", "the served one said"], rows)


def card(facts, table, p):
    names = [f"{band['name']} from {band['from']}" for band in facts["bands"]]
    measured = [[who] + [m[key] for key in ("auc", "log_loss", "mean_prediction", "rate")]
                for who, m in (("this model", facts["measured"]), ("the scores that were served", facts["served"]))]
    moved = sorted(facts["influence"].items(), key=lambda one: -one[1])
    return f"""
# Lead scoring, from own outcomes

Probability that a lead converts within {facts['within']} of being scored, from the fields of `POST /api/predict/lead-score`.

- **Data**: {facts['rows']:,} scores of {facts['leads']:,} leads from the seller's own log up to {facts['day']}; {facts['converted']:,} of them converted.
  The features are those that the logged predictions saw. Left out: {facts['open']:,} scores made at or after that of the first lead that was still
  open, and {facts['too_late']:,} of leads that had converted before they were scored.
- **Version**: {facts['version']}, by `tools/train lead --outcomes` (deterministic: the same log gives the same bytes).
- **Model**: {ROUNDS} trees of depth {PARAMETERS['max_depth']} on the five scores, company_size and budget; never falling in a score, free in
  the other two. **No prior**: what these two do is what the outcomes say. Each lead counts once, however often it was scored.
- **Bands**: {', '.join(names)}; Warm begins at the seller's own rate. `prediction` is 1 from 0.5.

## Measured

{SPLITS} folds, {facts['repeats']} time{'s' if facts['repeats'] > 1 else ''}, no lead in both parts of a fold.

{t.table(['on leads not trained on', 'AUC', 'log loss', 'mean prediction', 'rate'], measured)}

{sizes_table(table, p)}

Share of what moves the answer (mean absolute SHAP value): {', '.join(f'{name} {share:.0%}' for name, share in moved)}.

## Limits

Leads like those that were scored before, sold to as before. Who is called first because of a high score converts more often because of the call:
train on a time in which some leads were called regardless of their score, or take the score as an order. A lead without an
outcome within {facts['within']} counts as not converted.
"""
