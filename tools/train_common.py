"""What the trainers share: reading sets, measuring on rows not trained on, writing models, cards and goldens."""

import json
import os
import pathlib

import numpy as np
import pandas as pd
import xgboost as xgb
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import StratifiedKFold

ROOT = pathlib.Path(__file__).resolve().parent.parent
CHECKING = False  # set by `train --check`: nothing is written
TRAINED_ON = "2026-11-22"  # a constant: the same input must give the same bytes on any day


def read_set(name):
    return pd.read_csv(pathlib.Path(os.environ["HEADRACE_DATASETS"]) / f"{name}.csv.gz")


def boost(rows, labels, parameters, rounds, names, weight=None):
    """Deterministic: histogram method, one thread, a fixed seed."""
    fixed = {"tree_method": "hist", "nthread": 1, "seed": 1, "objective": "binary:logistic"}
    matrix = xgb.DMatrix(rows, labels, weight=weight, feature_names=names)
    return xgb.train({**fixed, **parameters}, matrix, rounds)


def predict(booster, rows, margin=False):
    return booster.predict(xgb.DMatrix(rows, feature_names=booster.feature_names), output_margin=margin)


def contributions(booster, rows):
    """SHAP values, the bias last."""
    return booster.predict(xgb.DMatrix(rows, feature_names=booster.feature_names), pred_contribs=True)


def logit(p):
    return np.log(p / (1 - p))


def logistic(z):
    return 1 / (1 + np.exp(-z))


def folds(labels, splits, repeats, seed):
    for repeat in range(repeats):
        kind = StratifiedKFold(splits, shuffle=True, random_state=seed + repeat)
        yield from kind.split(np.zeros(len(labels)), labels)


def calibration_line(labels, p):
    """Intercept and slope of the outcome on the predicted log-odds, by Newton's method: 0 and 1 are ideal."""
    z = np.c_[np.ones(len(p)), logit(np.clip(p, 1e-6, 1 - 1e-6))]
    beta = np.array([0.0, 1.0])
    for _ in range(25):
        q = logistic(z @ beta)
        beta += np.linalg.solve((z * (q * (1 - q))[:, None]).T @ z, z.T @ (labels - q))
    return beta


def calibration_error(labels, p, bins=10):
    """Mean distance between predicted and observed rate over bins of equal size."""
    order = np.array_split(np.argsort(p, kind="stable"), bins)
    return float(sum(len(b) * abs(p[b].mean() - labels[b].mean()) for b in order) / len(p))


class Measured:
    """Predictions for rows that took no part in fitting, pooled over folds."""

    def __init__(self):
        self.aucs, self.labels, self.p = [], [], []

    def add(self, labels, p):
        self.aucs.append(roc_auc_score(labels, p))
        self.labels.append(np.asarray(labels, float))
        self.p.append(np.asarray(p, float))

    def summary(self):
        labels, p = np.concatenate(self.labels), np.concatenate(self.p)
        intercept, slope = calibration_line(labels, p)
        return {
            "auc": round(float(np.mean(self.aucs)), 4),
            "auc_standard_deviation_over_folds": round(float(np.std(self.aucs)), 4),
            "log_loss": round(float(log_loss(labels, np.clip(p, 1e-7, 1 - 1e-7))), 4),
            "mean_prediction": round(float(p.mean()), 4),
            "rate": round(float(labels.mean()), 4),
            "calibration_slope": round(float(slope), 3),
            "calibration_intercept": round(float(intercept), 3),
            "calibration_error_deciles": round(calibration_error(labels, p), 4),
        }

    def bands(self, edges):
        """Share of rows and observed rate in each band [edge, next edge)."""
        labels, p = np.concatenate(self.labels), np.concatenate(self.p)
        out = []
        for low, high in zip(edges, edges[1:] + [1.01]):
            inside = (p >= low) & (p < high)
            out.append((float(inside.mean()), float(labels[inside].mean()) if inside.any() else float("nan")))
        return out


def as_category(column, categories):
    """Index of the category by value; NaN for what is not in the list."""
    return column.map({c["value"]: i for i, c in enumerate(categories)}).astype(float)


def category(value, *aliases):
    return {"value": value, "aliases": list(aliases)}


def write(path, text):
    if not CHECKING:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def write_model(container, booster, folder=ROOT / "models"):
    """The XGBoost part goes in as the text XGBoost wrote, so that no number is written twice."""
    trees = booster.save_raw("json").decode()
    path = folder / f"{container['name']}.json"
    if CHECKING:
        same = trees in path.read_text(encoding="utf-8")
        print(f"{path.name}: the trees are {'those' if same else 'NOT those'} in the file"
              + ("" if same else " (other versions of the libraries, another processor, or other data)"))
    text = json.dumps({**container, "xgboost": "@"}, indent=1, ensure_ascii=False).replace('"@"', trees)
    write(path, text + "\n")
    print(f"{path}: {len(text):,} bytes, {booster.num_boosted_rounds()} trees")


def write_card(name, text, folder=ROOT / "models"):
    write(folder / f"{name}.card.md", text.strip() + "\n")


def fit_twice(fit):
    """When checking: the same data give the same bytes."""
    booster = fit()
    assert not CHECKING or booster.save_raw("json") == fit().save_raw("json"), "two runs differ"
    return booster


def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


def measure_table(rows):
    """rows: (what was given, summary)"""
    head = ["rows scored", "AUC", "± over folds", "log loss", "mean prediction", "rate", "slope", "error by decile"]
    keys = ["auc", "auc_standard_deviation_over_folds", "log_loss", "mean_prediction", "rate",
            "calibration_slope", "calibration_error_deciles"]
    return table(head, [[what] + [s[k] for k in keys] for what, s in rows])


def write_golden(name, booster, rows, priors=None):
    """What XGBoost itself says of a few rows: values, margin of the trees, probability with the priors added."""
    margins = predict(booster, rows, margin=True)
    if priors is None:
        p = predict(booster, rows)
        priors = np.zeros((len(rows), 0), np.float32)
    else:
        priors, added = priors
        p = logistic(margins.astype(np.float64) + added).astype(np.float32)
    lines = []
    for values, prior, margin, probability in zip(rows, priors, margins, p):
        cells = list(values) + list(prior) + [margin, probability]
        lines.append(",".join("nan" if np.isnan(c) else repr(float(np.float32(c))) for c in cells))
    write(ROOT / "tests" / "scoring" / "golden" / f"{name}.csv", "\n".join(lines) + "\n")
