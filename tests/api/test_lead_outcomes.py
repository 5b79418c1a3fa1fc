"""From scored leads to a model of one's own: the prior of company_size gives way to outcomes that contradict it."""
import json
import random
import subprocess
import time
from datetime import datetime, timedelta, timezone

import pytest

from harness import ROOT, good
from shopping import event, iso

SIZES = ["1-10", "11-50", "51-200", "201-1000", "1000+"]
# The shipped model believes that larger is better; here small companies buy.
CONVERTS = dict(zip(SIZES, [0.85, 0.7, 0.4, 0.15, 0.05]))
WITHIN_S = 2
LEADS = 700


def a_lead(chance, number):
    lead = {"company_size": chance.choice(SIZES), "budget": round(10 ** chance.uniform(3, 7)),
            "industry_score": chance.randint(1, 10)}
    for name in ("engagement_score", "behavioral_score"):
        if chance.random() < 0.7:
            lead[name] = chance.randint(1, 10)
    if number % 2:
        lead["lead_id"] = f"lead-{number}"
    return lead


def outcome(kind, lead, answer, scored_at):
    """Names the lead where the request did, else the prediction. It happened half a second after the scoring."""
    names = {"lead_id": lead["lead_id"]} if "lead_id" in lead else {"prediction_id": answer["prediction_id"]}
    return {"event_type": "lead." + kind, "timestamp": iso(scored_at + timedelta(seconds=0.5)), "data": names}


def score_leads(client, count, seed):
    """Scores leads and sends their outcomes; of those not converting half are lost, half never heard of again."""
    chance = random.Random(seed)
    outcomes = []
    for number in range(count):
        lead = a_lead(chance, number)
        scored_at = datetime.now(timezone.utc)
        answer = good(client.post("/api/predict/lead-score", json=lead))
        assert answer["model"] == "lead_scoring_v1" and answer["prediction_id"]
        if chance.random() < CONVERTS[lead["company_size"]]:
            outcomes.append(outcome("converted", lead, answer, scored_at))
        elif chance.random() < 0.5:
            outcomes.append(outcome("lost", lead, answer, scored_at))
    client.send_all(outcomes)
    return outcomes


def end_the_log(client):
    """A last event, later than the time that the last lead is given."""
    time.sleep(WITHIN_S + 0.5)
    client.send(event("page_view", "somebody"))


def train(server, into, *more):
    log = server.command("log", "cat")
    assert log.returncode == 0
    return subprocess.run([ROOT / "tools/train", "lead", "--outcomes", "-", "--into", into, "--within", f"{WITHIN_S}s",
                           "--repeats", "1", *more], input=log.stdout, capture_output=True, text=True, timeout=300)


def score_of(client, size, **more):
    body = {"company_size": size, "budget": 100_000, "industry_score": 5, **more}
    return good(client.post("/api/predict/lead-score", json=body))


def test_the_log_says_what_was_scored(fresh_server):
    server = fresh_server()
    named = score_of(server.client, "51-200", lead_id="lead-7")
    plain = score_of(server.client, "1000+")
    assert server.stop() == 0
    logged = {record["event"]["event_id"]: record["event"] for record in server.events()}
    data = logged[named["prediction_id"]]["data"]
    assert (data["model"], data["version"], data["lead_id"]) == ("lead_scoring", "v1.0", "lead-7")
    assert data["features"]["company_size"] == "51-200" and data["features"]["budget"] == 100_000
    assert data["features"]["engagement_score"] is None
    assert "lead_id" not in logged[plain["prediction_id"]]["data"]


def test_too_few_outcomes_are_refused(fresh_server, tmp_path):
    server = fresh_server()
    score_leads(server.client, 60, seed=1)
    end_the_log(server.client)
    done = train(server, tmp_path / "models")
    assert done.returncode != 0
    assert "too few outcomes: of 60 leads" in done.stderr and "At least 100 of each" in done.stderr
    assert not (tmp_path / "models").exists()


def test_open_leads_are_left_out_and_with_them_what_came_later(fresh_server, tmp_path):
    """One lead without an outcome and with time to go: behind it only the quick are known."""
    server = fresh_server()
    score_leads(server.client, 60, seed=1)
    done = train(server, tmp_path / "models", "--within", "90d")
    assert done.returncode != 0 and "which is still open" in done.stderr
    assert "too few outcomes: of 60 leads" not in done.stderr


@pytest.mark.parametrize("words", [
    ["lead", "--outcomes", "-"], ["churn", "--outcomes", "-", "--into", "x"], ["--outcomes", "-", "--into", "x"],
    ["lead", "--outcomes", "-", "--into", "x", "--within", "soon"]])
def test_training_says_what_it_needs(words):
    done = subprocess.run([ROOT / "tools/train", *words], input="", capture_output=True, text=True, timeout=60)
    assert done.returncode != 0 and ("--into" in done.stderr or "--within" in done.stderr)


DAY = datetime(2026, 1, 1, tzinfo=timezone.utc)


def line(day, event_type, event_id, data, source="headrace"):
    """As `headrace log cat` prints it; `day` counts from the first of January."""
    at = iso(DAY + timedelta(days=day))
    return json.dumps({"partition": 0, "lsn": 1, "time": at, "kind": "event", "event": {
        "event_id": event_id, "event_type": event_type, "timestamp": at, "source": source, "data": data}}, separators=(",", ":"))


def scored(day, number, lead=None, source="headrace", model="lead_scoring"):
    features = {"company_size": SIZES[number % 5], "budget": 1e4 * (1 + number % 7), "industry_score": 1 + number % 10,
                "engagement_score": None, "demographic_score": None, "behavioral_score": None, "source_score": None}
    data = {"model": model, "version": "v1.0", "probability": 0.25, "features": features, **({"lead_id": lead} if lead else {})}
    return line(day, "prediction.completed", f"p{number}", data, source)


def test_what_counts_as_what(tmp_path):
    lines = []
    for number in range(300):  # every lead is scored twice; every third converts, every third is lost, every third is silent
        lines += [scored(0.001 * number, number, f"l{number}"), scored(1 + 0.001 * number, 1000 + number, f"l{number}")]
        if number % 3 < 2:
            names = {"lead_id": f"l{number}"} if number % 2 else {"prediction_id": f"p{number}"}
            lines.append(line(20, ("lead.converted", "lead.lost")[number % 3], f"o{number}", names, "crm"))
    lines += [scored(2, 2001, "late"), line(2 + 31, "lead.converted", "late", {"lead_id": "late"}, "crm")]  # too late: not converted
    lines += [line(3, "lead.converted", "early", {"lead_id": "early"}, "crm"), scored(4, 2002, "early")]  # before: left out
    lines += [scored(5, 2003, "twice"), line(6, "lead.lost", "t1", {"lead_id": "twice"}, "crm"),  # came back: converted
              line(7, "lead.converted", "t2", {"prediction_id": "p2003"}, "crm")]
    lines += [line(8, "lead.converted", "nobody", {"lead_id": "nobody"}, "crm"), line(8, "lead.converted", "odd", {"lead_id": 7}, "crm")]
    lines += [scored(9, 2004, "forged", source="crm"), scored(9, 2005, "other", model="churn_prediction")]
    lines += [scored(11, 2006, "open"), scored(12, 2007, "behind"), line(13, "lead.converted", "b", {"lead_id": "behind"}, "crm")]
    lines += ['{"partition":1,"lsn":1,"time":"%s","kind":"fold","payload_bytes":9}' % iso(DAY + timedelta(days=40))]
    made = []
    for order in range(2):
        random.Random(order).shuffle(lines)
        log, into = tmp_path / f"log{order}", tmp_path / f"models{order}"
        log.write_text("\n".join(lines) + "\n")
        done = subprocess.run([ROOT / "tools/train", "lead", "--outcomes", log, "--into", into, "--within", "30d", "--repeats", "1"],
                              capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr[-2000:]
        made.append((into / "lead_scoring.json").read_bytes())
    assert made[0] == made[1], "the order of the lines does not matter"
    card = (tmp_path / "models0/lead_scoring.card.md").read_text()
    assert "602 scores of 302 leads" in card and "up to 2026-02-10; 101 of them converted" in card
    assert "Left out: 2 scores made at or after" in card and "and 1 of leads that had converted before" in card
    assert json.loads(made[0])["task"] == "probability that the lead converts within 30d"


def test_outcomes_take_the_place_of_the_prior(fresh_server, tmp_path):
    server = fresh_server()
    outcomes = score_leads(server.client, LEADS, seed=2)
    assert len(outcomes) > LEADS / 2
    before = {size: score_of(server.client, size)["prediction"]["score"] for size in SIZES}
    assert sorted(before.values()) == list(before.values()), "the prior: larger is better"
    end_the_log(server.client)

    done = train(server, tmp_path / "models")
    assert done.returncode == 0, done.stderr[-3000:]
    again = train(server, tmp_path / "again")
    assert again.returncode == 0
    for name in ("lead_scoring.json", "lead_scoring.card.md"):
        assert (tmp_path / "models" / name).read_bytes() == (tmp_path / "again" / name).read_bytes(), "deterministic"

    model = json.loads((tmp_path / "models/lead_scoring.json").read_text())
    metrics = model["card"]["metrics"]
    assert metrics["this"]["auc"] > 0.75 > 0.5 > metrics["as_served"]["auc"], metrics
    assert abs(metrics["this"]["mean_prediction"] - metrics["this"]["rate"]) < 0.05
    assert max(model["card"]["influence"], key=model["card"]["influence"].get) == "company_size"
    assert all("prior" not in feature for feature in model["features"])
    card = (tmp_path / "models/lead_scoring.card.md").read_text()
    assert "No prior" in card and f"{LEADS + len(SIZES):,} leads" in card and "company size" in card

    server.stop()
    server.args = ["--models", str(tmp_path / "models")]
    server.start()
    answers = {size: score_of(server.client, size) for size in SIZES}
    assert {answer["model"] for answer in answers.values()} == {"lead_scoring_v2"}
    assert {answer["prediction"]["model_version"] for answer in answers.values()} == {model["version"]}
    after = [answers[size]["prediction"]["score"] for size in SIZES]
    assert after[0] > 60 > 25 > after[-1], "the outcomes: smaller is better"
    assert sorted(after, reverse=True) == after
    assert answers["1-10"]["prediction"]["quality"] == "Hot" and answers["1000+"]["prediction"]["quality"] == "Cold"
    assert server.stop() == 0
    last = [record["event"]["data"] for record in server.events() if record["event"]["event_type"] == "prediction.completed"][-1]
    assert last["version"] == model["version"]
    server.verify()
