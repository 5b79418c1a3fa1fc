"""Cart abandonment from a training set of the shop's own log: what `headrace training-set --label-event purchase` printed."""

import hashlib
import pathlib
import sys

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold

import train_common as t

NAME = "cart_abandonment"
PARAMETERS = {"max_depth": 4, "eta": 0.05, "subsample": 0.7, "colsample_bynode": 0.5, "min_child_weight": 20, "lambda": 5}
ROUNDS = 150
SPLITS = 5
NEEDED = 100  # carts with a purchase, and carts without


class Rows:
    def __init__(self, path):
        table = pd.read_csv(sys.stdin if path == "-" else path, dtype={"entity": str})
        for column in ("entity", "time", "label"):
            if column not in table:
                sys.exit(f"the rows have no column {column}: make them with headrace training-set --label-event purchase")
        self.names = [name for name in table if name not in ("entity", "time", "label")]
        self.values = table[self.names].to_numpy(np.float32)
        self.abandoned = 1 - table["label"].to_numpy(np.float32)
        self.carts = table["entity"].to_numpy()
        self.last = table["time"].max()
        # A cart counts once, however often it was looked at.
        self.weights = (1 / table.groupby("entity")["entity"].transform("size")).to_numpy(np.float32)

    def refuse_too_few(self):
        bought = len(set(self.carts[self.abandoned == 0]))
        left = len(set(self.carts)) - bought
        if min(bought, left) < NEEDED:
            sys.exit(f"{bought} carts with a purchase and {left} without; at least {NEEDED} of each are needed")

    def fit(self, at):
        return t.boost(self.values[at], self.abandoned[at], PARAMETERS, ROUNDS, self.names, self.weights[at])


def cross_validate(rows, repeats):
    measured = t.Measured()
    for repeat in range(repeats):
        split = StratifiedGroupKFold(SPLITS, shuffle=True, random_state=repeat)
        for fit_on, test_on in split.split(rows.values, rows.abandoned, rows.carts):
            measured.add(rows.abandoned[test_on], t.predict(rows.fit(fit_on), rows.values[test_on]))
    return measured.summary()


def bands(rate):
    """Around the shop's own rate, as the shipped model's lie around that of its data."""
    return [{"name": "Low", "from": 0.0}, {"name": "Medium", "from": round(max(2 * rate - 1, rate / 2), 3)},
            {"name": "High", "from": round(rate + (1 - rate) / 3, 3)}]


def train(path, into, repeats):
    rows = Rows(path)
    rows.refuse_too_few()
    measured = cross_validate(rows, repeats)
    booster = rows.fit(np.arange(len(rows.carts)))
    day = rows.last[:10]
    version = f"v2.{day.replace('-', '')}.{hashlib.sha256(booster.save_raw('json')).hexdigest()[:8]}"
    their_bands = bands(measured["rate"])
    container = {
        "headrace_model": 1, "name": NAME, "version": version,
        "task": "probability that no purchase follows for the cart",
        "summary": "Gradient boosted trees on the features of carts, from the shop's own log.",
        "features": [{"name": name, "kind": "numeric"} for name in rows.names],
        "bands": their_bands, "decision_threshold": their_bands[-1]["from"],
        "card": {"data": "a training set of the shop's own log", "licence": "the shop's own", "rows": len(rows.carts),
                 "carts": len(set(rows.carts)), "trained": day,
                 "measured": f"{SPLITS}-fold cross-validation by cart, {repeats} times", "metrics": measured},
    }
    folder = pathlib.Path(into)
    t.write_model(container, booster, folder)
    t.write_card(NAME, card(rows, measured, version, their_bands, repeats), folder)
    print(f"{NAME} {version}: AUC {measured['auc']}, log loss {measured['log_loss']} on carts not trained on")


def card(rows, measured, version, their_bands, repeats):
    return f"""
# Cart abandonment, from own outcomes

Probability that no purchase follows for a cart, from its features at the moment asked.

- **Data**: {len(rows.carts):,} moments of {len(set(rows.carts)):,} carts from the shop's own log up to {rows.last}, features as they were then.
- **Version**: {version}, by `tools/train cart --rows` (deterministic: the same rows give the same bytes).
- **Model**: {ROUNDS} trees of depth {PARAMETERS['max_depth']} on {', '.join(f'`{name}`' for name in rows.names)}. A cart counts once, however often it
  was looked at.
- **Bands**: {', '.join(f"{band['name']} from {band['from']}" for band in their_bands)}.

## Measured

{SPLITS} folds, {repeats} time{'s' if repeats > 1 else ''}, no cart in both parts of a fold.

{t.measure_table([('this model', measured)])}

## Limits

Moments like those that the rows were taken at, and the horizon that their labels had. Where predictions are acted upon, carts that were
saved count as bought: keep some carts without action while rows are gathered.
"""
