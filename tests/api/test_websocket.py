"""The WebSocket runner: every case of ws_cases.py over raw sockets, in three deliveries, and the same against wsproto."""
import json
import random

import pytest
from wsproto.connection import Connection, ConnectionState, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, TextMessage
from wsproto.utilities import RemoteProtocolError

from ws_cases import CASES, NORMAL
from ws_wire import Wire, close_frame

BYTE_BY_BYTE_MAX = 2000


def test_the_runner_is_whole():
    assert len(CASES) >= 300 and len({case.name for case in CASES}) == len(CASES)


def check(case, seen):
    got = [json.loads(text).get("id") for text in seen.texts]
    assert got == case.ids and seen.pongs == case.pongs
    assert seen.close == (case.close or NORMAL), (seen.close, seen.reason)
    seen.reason.decode()


def deliver(server, case, pieces):
    with Wire(server.url).open() as wire:
        for piece in pieces:
            if not wire.send(piece):
                break
        check(case, wire.all())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(server, case):
    sent = case.sent if case.close else case.sent + close_frame(NORMAL)
    deliver(server, case, [sent])
    place = random.Random(case.name).randrange(len(sent))
    deliver(server, case, [sent[:place], sent[place:]])
    if not case.slow and len(sent) <= BYTE_BY_BYTE_MAX:
        deliver(server, case, [bytes([byte]) for byte in sent])


# --- what an independent implementation makes of the same bytes

def verdict_of_wsproto(sent):
    """(messages, pings, close code or None) as wsproto reads them; it is told nothing behind its own refusal."""
    peer = Connection(ConnectionType.SERVER)
    peer.receive_data(sent)
    messages, pings, text = [], [], None
    try:
        for event in peer.events():
            if isinstance(event, (TextMessage, BytesMessage)):
                text = event.data if text is None else text + event.data
                if event.message_finished:
                    messages.append(text)
                    text = None
            elif isinstance(event, Ping):
                pings.append(bytes(event.payload))
            elif isinstance(event, CloseConnection):
                return messages, pings, event.code
            assert peer.state is not ConnectionState.CLOSED
    except RemoteProtocolError as refused:
        return messages, pings, int(refused.event_hint.code) if refused.event_hint else 1002
    return messages, pings, None


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_wsproto_says_the_same(case):
    if case.peer is None:
        pytest.skip("a limit of ours")
    messages, pings, code = verdict_of_wsproto(case.sent)
    wanted = [json.loads(message).get("id") if isinstance(message, str) and message.strip() else None for message in messages]
    assert wanted == case.ids and pings == case.pongs
    assert code == (case.close if case.peer is ... else case.peer)
