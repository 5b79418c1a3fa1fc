"""Over 600 malformed, ambiguous and smuggling requests, each whole, byte by byte and cut in two: the same answers, and no request more.

What is compared: all statuses of a connection with those the clause asks for, and the server's own count of requests with the
sum of requests that the cases hold; a smuggled request would be one too many."""
import random

import pytest

import http_corpus
import http_corpus_bodies
from wire_crowd import answers_of, statuses

CASES = [case for part in (http_corpus.request_lines, http_corpus.fields, http_corpus_bodies.lengths, http_corpus_bodies.codings,
                           http_corpus_bodies.chunk_frames, http_corpus_bodies.advisories) for case in part()]
EDGE = 400  # of longer requests the middle goes in pieces of 97 bytes: its octets are all alike


def byte_by_byte(wire):
    if len(wire) <= 2 * EDGE:
        return [wire[at:at + 1] for at in range(len(wire))]
    middle = [wire[at:min(at + 97, len(wire) - EDGE)] for at in range(EDGE, len(wire) - EDGE, 97)]
    return byte_by_byte(wire[:EDGE]) + middle + byte_by_byte(wire[-EDGE:])


def in_two(wire):
    cut = random.Random(wire).randint(0, len(wire))
    return [wire[:cut], wire[cut:]]


WAYS = {"whole": lambda wire: [wire], "byte by byte": byte_by_byte, "in two": in_two}


def address_of(server):
    host, port = server.url[len("http://"):].split(":")
    return host, int(port)


def requests_seen(server):
    return server.client.get("/status").json()["requests_total"]


def test_the_corpus_is_large_and_says_nothing_twice():
    assert len(CASES) >= 600
    assert len({case.wire for case in CASES}) == len({(case.clause, case.name) for case in CASES}) == len(CASES)


@pytest.mark.parametrize("way", list(WAYS))
def test_every_case_gets_its_answers(fresh_server, way):
    server = fresh_server(args=["--loops", "2"])
    before = requests_seen(server)
    answers = answers_of(address_of(server), [WAYS[way](case.wire) for case in CASES])
    wrong = [f"{case.clause} {case.name}: {statuses(answer) or 'nothing'}, not {case.answers or 'nothing'}"
             for case, answer in zip(CASES, answers) if statuses(answer) != case.answers]
    assert not wrong, f"{len(wrong)} of {len(CASES)}:\n" + "\n".join(wrong)
    handled = sum(case.answers.split().count("200") for case in CASES)
    assert requests_seen(server) - before == handled + 1, "the server saw other requests than those that are there"
