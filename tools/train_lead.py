"""Lead score: two public sets of leads, their columns mapped to the documented scales from 1 to 10."""

import numpy as np
import pandas as pd

import train_common as t

NAME = "lead_scoring"
SCORES = ["industry_score", "engagement_score", "demographic_score", "behavioral_score", "source_score"]
TEXTS = ["Industry relevance", "Engagement level", "Demographic fit", "Behavioral indicators", "Lead source quality"]
REQUIRED = 1  # industry_score
REFERENCE_RATE = 0.25
PARAMETERS = {"max_depth": 4, "eta": 0.05, "subsample": 0.7, "colsample_bynode": 0.6, "min_child_weight": 10, "lambda": 5,
              "monotone_constraints": "(1,1,1,1,1)"}
ROUNDS = 120
BANDS = [("Cold", 0.0), ("Warm", 0.25), ("Hot", 0.5)]
SIZES = [("1-10", -0.3), ("11-50", -0.15), ("51-200", 0.0), ("201-1000", 0.15), ("1000+", 0.3)]
BUDGETS = [(1e3, -0.4), (1e5, 0.0), (1e7, 0.4)]


def joined(*columns):
    out = columns[0].astype(str)
    for column in columns[1:]:
        out = out + "|" + column.astype(str)
    return out.to_numpy()


def binned(column, edges):
    return pd.Series(np.searchsorted(edges, column.to_numpy(), side="right"))


def deciles(column):
    inner = np.quantile(column, np.arange(1, 10) / 10)
    return binned(column, np.unique(inner))


def xeducation():
    data = t.read_set("leads_xeducation")
    said = data.fillna("not stated").replace("Select", "not stated")
    visits, pages = data["TotalVisits"].fillna(0), data["Page Views Per Visit"].fillna(0)
    groups = {
        "industry_score": joined(said["Specialization"]),
        "engagement_score": joined(deciles(data["Total Time Spent on Website"])),
        "demographic_score": joined(said["What is your current occupation"]),
        "behavioral_score": joined(said["Do Not Email"], binned(visits, [1, 2, 3, 4, 6, 9]), binned(pages, [1, 2, 3, 4, 6])),
        "source_score": joined(said["Lead Origin"], said["Lead Source"].str.lower()),
    }
    return groups, data["Converted"].to_numpy(np.float32)


def bank():
    data = t.read_set("bank_marketing")
    groups = {
        "demographic_score": joined(data["job"], binned(data["age"], [25, 30, 40, 50, 60])),
        "behavioral_score": joined(data["poutcome"], binned(data["pdays"], [0, 91, 182, 365])),
        "source_score": joined(data["contact"]),
    }
    return groups, data["subscribe"].to_numpy(np.float32)


class Scale:
    """From groups to 1..10: the share of leads that are in groups with a lower conversion rate."""

    def __init__(self, groups, labels):
        frame = pd.DataFrame({"group": groups, "label": labels})
        by = frame.groupby("group")["label"].agg(["sum", "count"])
        rate = (by["sum"] + 20 * labels.mean()) / (by["count"] + 20)  # small groups lean on the average
        order = rate.sort_values(kind="stable").index
        count = by["count"].reindex(order)
        middle = (count.cumsum() - count / 2) / count.sum()
        self.scores = 1 + 9 * middle
        self.average = float((self.scores * count).sum() / count.sum())

    def __call__(self, groups):
        return pd.Series(groups).map(self.scores).fillna(self.average).to_numpy(np.float32)


def fit_scales(groups, labels, index):
    return {name: Scale(values[index], labels[index]) for name, values in groups.items()}


def scored(groups, scales, index):
    columns = [scales[name](groups[name][index]) if name in groups else np.full(len(index), np.nan)
               for name in SCORES]
    return np.column_stack(columns).astype(np.float32)


def hidden(rows, random):
    out = rows.copy()
    gone = random.random(out.shape) < random.random((len(out), 1))
    gone[:, :REQUIRED] = False
    out[gone] = np.nan
    return out


def weights(labels):
    """Each set counts as much as the other and converts at the reference rate."""
    rate = labels.mean()
    each = np.where(labels == 1, REFERENCE_RATE / rate, (1 - REFERENCE_RATE) / (1 - rate))
    return each / len(labels)


def fit(parts):
    """parts: (rows, labels) of each set"""
    random = np.random.default_rng(1)
    rows = np.vstack([r for r, _ in parts])
    labels = np.concatenate([y for _, y in parts])
    weight = np.concatenate([weights(y) for _, y in parts])
    both = np.vstack([rows, hidden(rows, random)])
    weight = np.tile(weight * len(labels) / weight.sum() / 2, 2)
    return t.boost(both, np.tile(labels, 2), PARAMETERS, ROUNDS, SCORES, weight)


def cross_validate(sets, repeats):
    """Scales and trees are fitted on the training folds of both sets; each set is scored apart."""
    out = {"x_all": t.Measured(), "x_industry": t.Measured(), "bank": t.Measured(), "weighted": t.Measured()}
    splits = [list(t.folds(labels, 5, repeats, seed=300)) for _, labels in sets]
    for fold in zip(*splits):
        parts, tests = [], []
        for (groups, labels), (train, test) in zip(sets, fold):
            scales = fit_scales(groups, labels, train)
            parts.append((scored(groups, scales, train), labels[train]))
            tests.append((scored(groups, scales, test), labels[test]))
        booster = fit(parts)
        (x_rows, x_labels), (bank_rows, bank_labels) = tests
        industry = x_rows.copy()
        industry[:, REQUIRED:] = np.nan
        out["x_all"].add(x_labels, t.predict(booster, x_rows))
        out["x_industry"].add(x_labels, t.predict(booster, industry))
        out["bank"].add(bank_labels, t.predict(booster, bank_rows))
    return out


def at_reference(measured):
    """Mean prediction and observed rate by band, with rows weighted to the reference rate."""
    labels, p = np.concatenate(measured.labels), np.concatenate(measured.p)
    weight = weights(labels)
    weight = weight / weight.sum()
    bands = []
    for low, high in zip([b for _, b in BANDS], [b for _, b in BANDS[1:]] + [1.01]):
        inside = (p >= low) & (p < high)
        share = float(weight[inside].sum())
        bands.append((share, float((weight * labels)[inside].sum() / share) if share > 0 else float("nan")))
    return float((weight * p).sum()), bands


def features():
    size = {"name": "company_size", "kind": "category", "description": "Employees; prior, no data",
            "categories": [t.category(name) for name, _ in SIZES],
            "prior": [{"at": i, "adds": adds} for i, (_, adds) in enumerate(SIZES)]}
    budget = {"name": "budget", "kind": "numeric", "description": "Available budget in USD; prior, no data", "min": 0,
              "max": 1e12, "scale": "log10", "prior": [{"at": at, "adds": adds} for at, adds in BUDGETS]}
    scores = [{"name": name, "kind": "numeric", "description": text, "min": 1, "max": 10}
              for name, text in zip(SCORES, TEXTS)]
    return scores + [size, budget]


def prior_of(sizes, budgets):
    decades = [np.log10(at) for at, _ in BUDGETS]
    by_size = np.array([adds for _, adds in SIZES])[sizes.astype(int)]
    return by_size + np.interp(np.log10(budgets), decades, [adds for _, adds in BUDGETS])


def check(measured):
    assert measured["auc"] >= 0.83, measured


def train(repeats):
    sets = [xeducation(), bank()]
    pooled = cross_validate(sets, repeats)
    measured = {name: m.summary() for name, m in pooled.items() if m.labels}
    print(NAME, measured)
    parts = []
    for groups, labels in sets:
        everything = np.arange(len(labels))
        parts.append((scored(groups, fit_scales(groups, labels, everything), everything), labels))
    booster = t.fit_twice(lambda: fit(parts))
    container = {
        "headrace_model": 1, "name": NAME, "version": "v1.0",
        "task": f"probability that the lead converts, where {REFERENCE_RATE:.0%} of all leads do",
        "summary": "Gradient boosted trees, never falling in a score; company_size and budget enter as a small prior.",
        "features": features(),
        "bands": [{"name": name, "from": low} for name, low in BANDS],
        "decision_threshold": 0.5,
        "card": {
            "data": "X Education lead scoring case study (upGrad, IIIT-B); Bank Marketing (Moro, Cortez, Rita, UCI)",
            "licence": "X Education: not stated by the publisher; Bank Marketing: CC BY 4.0",
            "rows": sum(len(labels) for _, labels in sets), "trained": t.TRAINED_ON,
            "measured": f"5-fold cross-validation, {repeats} times; scales and trees fitted inside the fold",
            "metrics": measured, "prior": "company_size and budget: no data informed them",
        },
    }
    t.write_model(container, booster)
    random = np.random.default_rng(5)
    rows = np.vstack([hidden(r[random.choice(len(r), 10, replace=False)], random) for r, _ in parts])
    sizes, budgets = random.integers(0, 5, 20).astype(np.float32), (10 ** random.uniform(2, 8, 20)).astype(np.float32)
    t.write_golden(NAME, booster, rows, (np.column_stack([sizes, budgets]), prior_of(sizes, budgets.astype(float))))
    t.write_card(NAME, card(sets, measured, pooled, repeats))
    return measured["x_all"]


def card(sets, measured, pooled, repeats):
    (_, x_labels), (_, bank_labels) = sets
    mean_x, bands_x = at_reference(pooled["x_all"])
    mean_bank, bands_bank = at_reference(pooled["bank"])
    rows = [[what, m["auc"], m["auc_standard_deviation_over_folds"], m["rate"]] for what, m in (
        ("X Education, all five scores", measured["x_all"]),
        ("X Education, industry_score alone (the required one)", measured["x_industry"]),
        ("Bank Marketing, its three scores", measured["bank"]))]
    band_rows = [[name, f"from {low}", f"{sx:.1%}", f"{rx:.1%}", f"{sb:.1%}", "-" if np.isnan(rb) else f"{rb:.1%}"]
                 for (name, low), (sx, rx), (sb, rb) in zip(BANDS, bands_x, bands_bank)]
    return f"""
# Lead scoring

Probability that a lead converts, times 100, from the fields of `POST /api/predict/lead-score`.

- **Data**: X Education lead scoring case study (upGrad, IIIT-B): {len(x_labels):,} real leads of an online course seller, {x_labels.mean():.1%}
  converted; licence **not stated** by its publisher. Bank Marketing (Moro, Cortez, Rita, UCI): {len(bank_labels):,} clients called in a
  campaign, {bank_labels.mean():.1%} subscribed; CC BY 4.0.
- **Trained**: {t.TRAINED_ON}, by `tools/train` (deterministic: the same data give the same bytes).
- **Model**: {ROUNDS} trees of depth {PARAMETERS['max_depth']} on five scores, constrained never to fall when a score rises, plus the prior below.
  Half of the training rows have scores hidden at random, so that a missing score says nothing.

## How columns became scores

One rule for all: leads are grouped by what the set says about an aspect, and the score is 1 + 9 x the share of leads in groups that convert
less often (half of the own group counted; rates of small groups are drawn to the average by 20 rows). So 1 is the worst group, 10 the
best, 5.5 the middle; a user's own scale should mean the same. Values not stated are a group of their own.

{t.table(['score', 'X Education', 'Bank Marketing'], [
    ['industry_score', 'Specialization', '-'],
    ['engagement_score', 'tenths of Total Time Spent on Website', '-'],
    ['demographic_score', 'current occupation', 'job and age band'],
    ['behavioral_score', 'visits, pages per visit, Do Not Email', 'outcome and age of previous contact'],
    ['source_score', 'Lead Origin and Lead Source', 'contact channel']])}

Left out because they are known too late: Tags, Lead Quality, Lead Profile, the last activities and the Asymmetrique columns; the call's duration.

## Prior: what no data informs

`company_size` and `budget` are documented and required, and neither set has them. They enter as a **belief, not a finding**, added to the log-odds:
{', '.join(f'{name}: {adds:+.2f}' for name, adds in SIZES)}; budget {', '.join(f'{at:,.0f} USD: {adds:+.1f}' for at, adds in BUDGETS)}, linear
in the logarithm between and constant outside. Together they move a score of 25 to 14 at the least and 40 at the most. They give
way as soon as the user's own outcomes (`lead.converted`, `lead.lost`) are trained on, by `tools/train lead --outcomes` (docs/models.md):
such a model has both as ordinary features and no prior.

## Measured

Five folds, {repeats} time{'s' if repeats > 1 else ''}; scales and trees fitted on the training folds only; without the prior, which no row here can test.

{t.table(['rows scored', 'AUC', '± over folds', 'conversion rate'], rows)}

Conversion rates differ between sellers, so the model speaks for a **reference rate of {REFERENCE_RATE:.0%}** and both sets were weighted to it. Weighted so, the
mean prediction on rows not trained on is {mean_x:.3f} (X Education) and {mean_bank:.3f} (Bank Marketing). Where fewer leads convert, take the
score as an order.

## Bands

Warm from the reference rate, Hot from twice it; `prediction` is 1 from 0.5. Observed, weighted to the reference rate:

{t.table(['quality', 'probability', 'X Education: share', 'converted', 'Bank: share', 'converted'], band_rows)}

## Limits

Consumers buying courses and deposits, not companies buying software. With the required fields alone the answer is little more than the
average and the prior. The user's own scores are assumed to follow the rule above.
"""
