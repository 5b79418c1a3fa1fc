"""CSV files of leads and customers: each row answered as if it came alone, what is wrong with a row said of that row, paid once."""
import json
import math

import pytest

import harness
from harness import good
from people import UNLIMITED, Person

LEADS, CHURN = "/api/upload/csv/lead-scoring", "/api/upload/csv/churn-prediction"
LEAD_HEADER = "company_size,budget,industry_score,engagement_score"
LEAD = "51-200,150000,8.5,7.2"
CUSTOMER_HEADER = "tenure,monthly_charges,contract_type,phone_service"


@pytest.fixture(scope="module")
def server(tmp_path_factory, exchanges):
    running = harness.Headrace(tmp_path_factory.mktemp("uploads"), exchanges, args=["--loops", "2", *UNLIMITED]).start()
    yield running
    assert running.stop() == 0


@pytest.fixture
def client(server):
    return server.client


def upload(client, path, text, field="file", **more):
    return client.post(path, files={field: ("rows.csv", text.encode() if isinstance(text, str) else text, "text/csv")}, **more)


def refusal(reply):
    assert 400 <= reply.status_code < 500, reply.text
    return json.dumps(reply.json())


def test_the_documented_file_of_leads(client):
    answer = good(upload(client, LEADS, f"{LEAD_HEADER}\n{LEAD}\n11-50,75000,6.8,5.9"))
    assert [row["row"] for row in answer["results"]] == [1, 2] and answer["failed"] == []
    alone = good(client.post("/api/predict/lead-score", json={
        "company_size": "51-200", "budget": 150000, "industry_score": 8.5, "engagement_score": 7.2}))["prediction"]
    assert answer["results"][0]["prediction"] == alone
    summary = answer["summary"]
    assert (summary["total_rows"], summary["processed_rows"], summary["failed_rows"], summary["success_rate"]) == (2, 2, 0, 100)
    assert summary["processing_time"] > 0 and answer["credits_consumed"] == 2 and answer["message"] == "File processed successfully"
    assert answer["data_quality"] == {"missing_values": 0, "invalid_formats": 0, "outliers": 0, "quality_score": 100}
    noted = client.query(event_id=answer["file_id"])["events"][0]
    assert noted["event_type"] == "file.processed" and noted["data"]["total_rows"] == 2


def test_customers_as_alone_and_in_the_log(client):
    before = len(client.query(event_type="prediction.completed", limit=1000)["events"])
    answer = good(upload(client, CHURN, f"{CUSTOMER_HEADER}\r\n5,70.5,Month-to-month,true\r\n60,20,Two year,false\r\n"))
    alone = good(client.post("/api/predict/churn", json={
        "tenure": 60, "monthly_charges": 20, "contract_type": "Two year", "phone_service": False}))["prediction"]
    assert answer["results"][1]["prediction"] == alone
    assert answer["results"][0]["prediction"]["churn_probability"] > alone["churn_probability"]
    logged = client.query(event_type="prediction.completed", limit=1000)["events"]
    assert len(logged) == before + 3


def test_what_is_wrong_with_a_row_is_said_of_that_row(client):
    rows = [LEAD, "enormous,1,5,5", "11-50,,5,5", "11-50,100,11,5", "11-50,100,5,", "11-50,100,5,5,5", "11-50,nan,5,5"]
    answer = good(upload(client, LEADS, LEAD_HEADER + "\n" + "\n".join(rows)))
    assert [row["row"] for row in answer["results"]] == [1, 5]
    failed = {row["row"]: row["message"] for row in answer["failed"]}
    assert set(failed) == {2, 3, 4, 6, 7}
    for row, word in {2: "company_size", 3: "budget", 4: "industry_score", 6: "5 cells", 7: "budget"}.items():
        assert word in failed[row], failed
    summary, quality = answer["summary"], answer["data_quality"]
    assert (summary["total_rows"], summary["processed_rows"], summary["failed_rows"], summary["success_rate"]) == (7, 2, 5, 28.57)
    assert (quality["missing_values"], quality["invalid_formats"]) == (2, 3)
    assert answer["credits_consumed"] == 2


def test_outliers_are_those_outside_tukeys_fences(client):
    budgets = [*range(1000, 1020), 1_000_000]
    answer = good(upload(client, LEADS, LEAD_HEADER + "\n" + "\n".join(f"11-50,{budget},5,5" for budget in budgets)))
    assert answer["data_quality"] == {"missing_values": 0, "invalid_formats": 0, "outliers": 1,
                                      "quality_score": round(100 * (4 * 21 - 1) / (4 * 21), 2)}


def test_cells_in_quotes_and_a_byte_order_mark(client):
    text = '\ufeff"note","company_size","budget","industry_score"\r\n"a, ""b""\r\nc","11-50","1000","5"\r\n\r\nx,11-50,1000,5\r\n'
    answer = good(upload(client, LEADS, text))
    assert [row["row"] for row in answer["results"]] == [1, 2]
    assert answer["results"][0]["prediction"] == answer["results"][1]["prediction"]


@pytest.mark.parametrize("text, word", [
    ("", "empty"), (LEAD_HEADER, "no row"), ("budget,industry_score\n1,2", "lacks the column company_size"),
    (LEAD_HEADER + ",budget\n" + LEAD + ",1", "budget more than once"), (LEAD_HEADER + '\n"11-50,1,5,5', "not closed"),
    (LEAD_HEADER + '\n"11-50"x,1,5,5', "closing quote"), (LEAD_HEADER + '\n11"50,1,5,5', "quote"),
    (LEAD_HEADER.encode() + b"\n\xff,1,5,5", "UTF-8"), (LEAD_HEADER + "\n" + (LEAD + "\n") * 20_001, "at most 20000 rows")])
def test_a_file_that_cannot_be_read_is_refused_whole(client, text, word):
    before = len(client.query(event_type="file.processed", limit=1000)["events"])
    said = refusal(upload(client, LEADS, text))
    assert word in said and "file" in said
    assert len(client.query(event_type="file.processed", limit=1000)["events"]) == before


def test_what_is_no_form_or_another_form_is_refused(client):
    assert "multipart/form-data" in refusal(client.post_text(LEADS, LEAD_HEADER, "text/csv"))
    assert "file" in refusal(upload(client, LEADS, LEAD_HEADER + "\n" + LEAD, field="rows"))


def test_a_large_file_in_good_time(client):
    answer = good(upload(client, LEADS, LEAD_HEADER + "\n" + (LEAD + "\n") * 20_000))
    assert answer["summary"]["processed_rows"] == 20_000 and answer["summary"]["processing_time"] < 60
    scores = {row["prediction"]["score"] for row in answer["results"]}
    assert len(scores) == 1 and math.isfinite(scores.pop())


def test_rows_are_paid_once_each_and_failed_ones_are_not(client):
    person = Person(client)

    def left():
        return good(person.client.get("/api/auth/user", key=person.key))["credits_remaining"]
    before = left()
    answer = good(upload(client, LEADS, f"{LEAD_HEADER}\n{LEAD}\n{LEAD}\nenormous,1,5,5", key=person.key))
    assert answer["credits_consumed"] == 2 and left() == before - 2
    refused = upload(client, LEADS, LEAD_HEADER + "\n" + (LEAD + "\n") * (before - 1), key=person.key)
    assert refused.status_code == 402 and left() == before - 2, "nothing is half done"
    assert good(upload(client, LEADS, LEAD_HEADER + "\n" + (LEAD + "\n") * (before - 2), key=person.key))["summary"]["failed_rows"] == 0
    assert left() == 0
