"""Accounts from outside: signing up, in and out, tokens that end, passwords that change, mail that arrives."""
import os
import re
import socket
import threading
import time
import uuid

import pytest

from harness import Client, Headrace, good
from mail_sink import MailSink
from people import PASSWORD, UNLIMITED, Person, bearer


@pytest.fixture(scope="module")
def mails():
    with MailSink() as sink:
        yield sink


@pytest.fixture(scope="module")
def server(tmp_path_factory, exchanges, mails):
    running = Headrace(tmp_path_factory.mktemp("accounts"), exchanges, args=[
        "--loops", "2", *UNLIMITED, "--mail-server", f"smtp://127.0.0.1:{mails.port}", "--mail-from", "no-reply@example.com",
        "--mail-link", "https://shop.example/reset?token="]).start()
    yield running
    assert running.stop() == 0


def test_a_person_signs_up_in_and_out(server):
    person = Person(server.client)
    assert person.made["message"] == "User registered successfully" and isinstance(person.number, int)
    assert good(server.client.get("/api/auth/me", key=person.key))["username"] == person.username
    for name in (person.username, person.username.upper(), person.email, person.email.upper()):
        answer = good(server.client.post("/api/auth/login", key=None, json={"username": name, "password": PASSWORD}))
        assert (answer["user_id"], answer["username"], answer["expires_in"]) == (person.number, person.username, 86400)
    person.sign_in()
    assert good(person.get("/api/auth/me"))["id"] == person.id
    user = good(person.get("/api/auth/user"))
    assert (user["user_id"], user["email"], user["plan"]) == (person.number, person.email, "basic")
    assert user["api_key"] == person.key[:11] + "..." and user["credits_remaining"] == 1000
    valid = good(person.get("/api/auth/validate"))
    assert valid["valid"] is True and valid["user_id"] == person.number and valid["rate_limit"]["remaining"] > 0
    good(person.post("/api/auth/logout"))
    for client in [Client(server.url, None, None) for _ in range(8)]:
        assert client.get("/api/auth/me", headers=bearer(person.token)).status_code == 401
    assert server.client.post("/api/auth/refresh", key=None, json={"refresh_token": person.refresh}).status_code == 401
    good(person.sign_in().get("/api/auth/me"))


def test_what_an_account_must_be(server):
    fine = {"username": "someone" + uuid.uuid4().hex[:8], "email": "a@b.example", "password": "secret"}
    for change, field in (({"username": "ab"}, "username"), ({"username": "x" * 51}, "username"), ({"username": "a b c"}, "username"),
                          ({"username": "me@home"}, "username"), ({"username": "12345"}, "username"), ({"email": "nobody"}, "email"),
                          ({"email": "a@b@c"}, "email"), ({"email": "a b@c.de"}, "email"), ({"email": "a@b..c"}, "email"),
                          ({"email": "a@b.c\r\nBcc: x@y.z"}, "email"), ({"password": "short"}, "password"),
                          ({"password": "x" * 257}, "password"), ({"password": 7}, "password")):
        reply = server.client.post("/api/auth/register", key=None, json={**fine, **change})
        assert reply.status_code == 422 and reply.json()["details"]["field"] == field, (change, reply.text)
    for field in fine:
        reply = server.client.post("/api/auth/register", key=None, json={k: v for k, v in fine.items() if k != field})
        assert reply.status_code == 422 and field in reply.json()["message"]


def test_one_name_and_address_is_one_account_also_when_many_ask_at_once(server):
    name = "twin" + uuid.uuid4().hex[:8]
    replies = []

    def register(i):
        client = Client(server.url, server.exchanges, None)
        path = "/api/auth/register" if i % 2 else "/api/users"
        mixed = name.upper() if i % 3 else name
        replies.append(client.post(path, json={"username": mixed, "email": f"{name}{i}@example.com", "password": PASSWORD}))

    threads = [threading.Thread(target=register, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(reply.status_code for reply in replies) == [201] + [409] * 7
    codes = {reply.json()["code"] for reply in replies if reply.status_code == 409}
    assert codes <= {"USERNAME_TAKEN", "USER_002"}
    winner = next(reply for reply in replies if reply.status_code == 201).json()
    account = good(server.client.get(f"/api/users/{winner.get('user_id') or winner['id']}"))
    again = server.client.post("/api/users", json={"username": name + "x", "email": account["email"].upper(), "password": PASSWORD})
    assert (again.status_code, again.json()["code"]) == (409, "USER_001")


def test_wrong_password_and_unknown_user_are_told_alike(server):
    """In words, and in time: the quickest of both apart by less than a fifth, the argon2id work being the most of them; what else runs here only adds."""
    person = Person(server.client)
    client = Client(server.url, None, None)
    times = {"wrong": [], "unknown": []}
    bodies = {"wrong": set(), "unknown": set()}
    for i in range(int(os.environ.get("HEADRACE_LOGIN_TIMINGS", "15"))):
        for kind, name in (("wrong", person.username), ("unknown", f"nobody{i}")):
            begun = time.perf_counter()
            reply = client.post("/api/auth/login", json={"username": name, "password": "not it, sorry"})
            times[kind].append(time.perf_counter() - begun)
            bodies[kind].add((reply.status_code, reply.json()["code"], reply.json()["message"]))
    assert bodies["wrong"] == bodies["unknown"] == {(401, "AUTHENTICATION_REQUIRED", "The user name or the password is not right")}
    wrong, unknown = (min(times[kind]) for kind in ("wrong", "unknown"))
    assert abs(wrong - unknown) < 0.2 * max(wrong, unknown) + 0.005, (wrong, unknown)


def test_a_refresh_token_is_good_once_and_its_reuse_ends_the_session(server):
    person = Person(server.client).sign_in()
    stolen = person.refresh
    renewed = good(server.client.post("/api/auth/refresh", key=None, json={"refresh_token": stolen}))
    assert renewed["refresh_token"] != stolen and renewed["user_id"] == person.number
    good(server.client.get("/api/auth/me", key=None, headers=bearer(renewed["access_token"])))
    other = Person.sign_in(person).refresh  # another session of the same person
    reused = server.client.post("/api/auth/refresh", key=None, json={"refresh_token": stolen})
    assert reused.status_code == 401 and "used before" in reused.json()["message"]
    assert server.client.post("/api/auth/refresh", key=None, json={"refresh_token": renewed["refresh_token"]}).status_code == 401
    assert server.client.get("/api/auth/me", key=None, headers=bearer(renewed["access_token"])).status_code == 401
    good(server.client.post("/api/auth/refresh", key=None, json={"refresh_token": other}))
    for garbage in ("", "hrr_", "hrr_AAAA", other[:-1] + ("A" if other[-1] != "A" else "B"), "x" * 5000):
        assert server.client.post("/api/auth/refresh", key=None, json={"refresh_token": garbage}).status_code in (401, 422)
    types = [event["event_type"] for event in good(server.client.get(f"/api/users/{person.id}/events"))["events"]]
    assert "refresh_token_reused" in types


def test_signing_out_everywhere_ends_all_tokens(server):
    person = Person(server.client)
    tokens = [person.sign_in().token for _ in range(3)]
    good(server.client.post("/api/auth/logout-all", key=None, headers=bearer(tokens[0])))
    assert [server.client.get("/api/auth/me", key=None, headers=bearer(token)).status_code for token in tokens] == [401] * 3
    good(server.client.get("/api/auth/me", key=person.key))  # keys are not sessions


def test_many_sessions_end_the_oldest_and_many_endings_end_all(server):
    person = Person(server.client)
    tokens = [person.sign_in().token for _ in range(21)]
    status = [server.client.get("/api/auth/me", key=None, headers=bearer(token)).status_code for token in tokens]
    assert status == [401] + [200] * 20
    for token in tokens[1:]:
        server.client.post("/api/auth/logout", key=None, headers=bearer(token))
    assert {server.client.get("/api/auth/me", key=None, headers=bearer(token)).status_code for token in tokens} == {401}
    good(person.sign_in().get("/api/auth/me"))


def test_a_password_is_set_anew_by_mail_once(server, mails):
    person = Person(server.client).sign_in()
    said = good(server.client.post("/api/auth/forgot-password", key=None, json={"email": person.email.upper()}))
    unknown = good(server.client.post("/api/auth/forgot-password", key=None, json={"email": "nobody@example.com"}))
    assert said == unknown
    mail = mails.wait_for(person.email, "Your password")
    assert mail["From"] == "no-reply@example.com"
    token = re.search(r"https://shop\.example/reset\?token=([0-9a-f]{64})", mail.get_content()).group(1)
    for bad in ({"token": "0" * 64, "password": "another one"}, {"token": token, "password": "short"}):
        assert server.client.post("/api/auth/reset-password", key=None, json=bad).status_code in (400, 422)
    good(server.client.post("/api/auth/reset-password", key=None, json={"token": token, "password": "another one"}))
    again = server.client.post("/api/auth/reset-password", key=None, json={"token": token, "password": "third one"})
    assert (again.status_code, again.json()["code"]) == (400, "INVALID_TOKEN")
    assert person.get("/api/auth/me").status_code == 401  # all sessions have ended
    old = server.client.post("/api/auth/login", key=None, json={"username": person.username, "password": PASSWORD})
    assert old.status_code == 401
    person.password = "another one"
    good(person.sign_in().get("/api/auth/me"))
    # A second mail voids the first.
    for _ in range(2):
        good(server.client.post("/api/auth/forgot-password", key=None, json={"email": person.email}))
    first, second = [re.search(r"token=([0-9a-f]{64})", mails.wait_for(person.email, "Your password", nth).get_content()).group(1)
                     for nth in (1, 2)]
    assert server.client.post("/api/auth/reset-password", key=None, json={"token": first, "password": "fourth"}).status_code == 400
    good(server.client.post("/api/auth/reset-password", key=None, json={"token": second, "password": "fourth"}))
    assert token not in server.stderr() and second not in server.stderr()


def test_a_mail_server_that_says_nothing_does_not_delay_the_end(fresh_server):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = fresh_server(args=["--mail-server", f"smtp://127.0.0.1:{silent.getsockname()[1]}", "--mail-from", "a@example.com"])
        Person(server.client)
        silent.settimeout(20)
        connection, _ = silent.accept()  # the mail is on its way
        begun = time.monotonic()
        assert server.stop() == 0
        assert time.monotonic() - begun < 6
        connection.close()
    assert server.wait_for_line("mail_not_sent")["level"] == "warning"


def test_a_user_of_the_shop(server, mails):
    name = "shopper" + uuid.uuid4().hex[:8]
    made = server.client.post("/api/users", key=None, json={
        "email": f"{name}@example.com", "username": name, "password": PASSWORD, "first_name": "John", "last_name": "Doe", "phone": "+1234567890"})
    assert made.status_code == 201
    user = made.json()
    assert (user["first_name"], user["phone"], user["is_active"], user["is_verified"]) == ("John", "+1234567890", True, False)
    token = re.search(r"\b([0-9a-f]{64})\b", mails.wait_for(user["email"], "Your address").get_content()).group(1)
    verify = f"/api/users/{user['id']}/verify"
    wrong = server.client.post(verify, key=None, json={"verification_token": "abc123"})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "USER_003")
    other = Person(server.client)
    assert server.client.post(f"/api/users/{other.id}/verify", key=None, json={"verification_token": token}).status_code == 400
    assert good(server.client.post(verify, key=None, json={"verification_token": token}))["is_verified"] is True
    assert server.client.post(verify, key=None, json={"verification_token": token}).status_code == 400
    session = good(server.client.post("/api/auth/login", key=None, json={"username": name, "password": PASSWORD}))
    headers = bearer(session["access_token"])
    good(server.client.request("PUT", f"/api/users/{user['id']}", key=None, headers=headers, json={
        "first_name": "Jane", "last_name": "Smith", "phone": "+1234567891", "bio": "Software developer", "country": "USA"}))
    seen = good(server.client.get(f"/api/users/{user['id']}", key=None, headers=headers))
    assert (seen["first_name"], seen["is_verified"], seen["profile"]["bio"], seen["profile"]["city"]) == ("Jane", True, "Software developer", "")
    events = good(server.client.get(f"/api/users/{user['id']}/events", key=None, headers=headers))["events"]
    assert [event["event_type"] for event in events] == ["user_created", "user_verified", "user_signed_in", "user_updated"]
    assert {event["source"] for event in events} == {"headrace"}
    assert events[0]["data"]["username"] == name and PASSWORD not in str(events)
    missing = server.client.get(f"/api/users/{uuid.uuid4()}")
    assert (missing.status_code, missing.json()["code"]) == (404, "USER_004")


def test_a_learner_signs_in_with_an_address(server):
    person = Person(server.client, ["learner", "trainer"], "org-456")
    answer = good(server.client.post("/api/v1/auth/login", key=None, json={"email": person.email, "password": PASSWORD}))
    user = answer["data"]["user"]
    assert answer["success"] is True and user["fullName"] == "Ada Byron" and user["organizationId"] == "org-456"
    assert sorted(user["roles"]) == ["learner", "trainer"]
    me = good(server.client.get("/api/v1/auth/me", key=None, headers=bearer(answer["data"]["token"])))
    assert me["data"]["preferences"] == {"leaderboardPrivacy": "public", "predictiveAnalyticsEnabled": True}
    wrong = server.client.post("/api/v1/auth/login", key=None, json={"email": person.email, "password": "nonsense"})
    assert wrong.status_code == 401 and wrong.json()["success"] is False and wrong.json()["error"]["code"] == "UNAUTHORIZED"
    assert isinstance(wrong.json()["error"]["details"], str)
    assert server.client.post("/api/v1/auth/login", key=None, json={"email": person.email}).status_code == 400
    nobody = server.client.get("/api/v1/auth/me", key=None)
    assert (nobody.status_code, nobody.json()["error"]["code"]) == (401, "UNAUTHORIZED")
    no_user = server.client.get("/api/v1/auth/me")
    assert no_user.status_code == 404


def test_an_administrator_governs_users(server):
    person = Person(server.client).sign_in()
    path = f"/admin/users/{person.number}"
    assert server.client.get("/admin/users", key=person.key).status_code == 403
    changed = good(server.client.request("PUT", path, json={"roles": ["trainer"], "tenant": "school"}))
    assert (changed["roles"], changed["tenant"]) == (["trainer"], "school")
    assert person.get("/api/auth/me").status_code == 401  # what the token says is no longer so
    assert good(server.client.get("/api/auth/validate", key=person.key))["roles"] == ["trainer"]
    given = good(server.client.post(f"{path}/credits", json={"credits": 50}))
    assert (given["credits_added"], given["credits_remaining"]) == (50, 1050)
    assert server.client.post(f"{path}/credits", json={"credits": -2000}).status_code == 422
    good(server.client.request("PUT", path, json={"is_active": False}))
    assert server.client.get("/api/auth/me", key=person.key).status_code == 401
    disabled = server.client.post("/api/auth/login", key=None, json={"username": person.username, "password": PASSWORD})
    assert disabled.status_code == 403
    good(server.client.request("PUT", path, json={"is_active": True}))
    good(server.client.get("/api/auth/me", key=person.key))
    for bad in ({"roles": ["king"]}, {"roles": []}):
        assert server.client.request("PUT", path, json=bad).status_code == 422
    assert server.client.request("PUT", "/admin/users/999999999", json={}).status_code == 404
    listed, after = set(), ""
    while after is not None:
        page = good(server.client.get(f"/admin/users?limit=7{after and '&after=' + after}"))
        listed |= {user["user_id"] for user in page["users"]}
        after = page.get("next_cursor")
    assert person.number in listed and len(listed) == max(listed)


def test_attempts_are_limited_before_any_password_is_hashed(fresh_server):
    server = fresh_server(args=["--logins-of-account", "3", "--logins-of-address", "9"])
    log_in = {"username": "somebody", "password": "wrong one"}
    replies = [server.client.post("/api/auth/login", key=None, json=log_in) for _ in range(4)]
    assert [reply.status_code for reply in replies] == [401, 401, 401, 429]
    assert 1 <= int(replies[3].headers["Retry-After"]) <= 100 and replies[3].json()["code"] == "RATE_LIMIT_EXCEEDED"
    learning = server.client.post("/api/v1/auth/login", key=None, json={"email": "somebody", "password": "wrong one"})
    assert learning.status_code == 429 and learning.json()["error"]["retryAfter"] == int(learning.headers["Retry-After"])
    statuses = [server.client.post("/api/auth/login", key=None, json={**log_in, "username": f"other{i}"}).status_code for i in range(6)]
    assert statuses[:4] == [401] * 4 and statuses[-1] == 429


def test_accounts_and_endings_survive_kill_and_restart(fresh_server):
    server = fresh_server(args=UNLIMITED)
    person, leaver = Person(server.client).sign_in(), Person(server.client).sign_in()
    good(leaver.post("/api/auth/logout"))
    gone = Person(server.client).sign_in()
    good(gone.post("/api/auth/logout-all"))
    taken = []
    stop = threading.Event()

    def register():
        client = Client(server.url, None, None)
        while not stop.is_set():
            name = "k" + uuid.uuid4().hex[:10]
            try:
                if client.post("/api/auth/register", json={"username": name, "email": f"{name}@x.example", "password": PASSWORD}).status_code == 201:
                    taken.append(name)
            except OSError:
                return

    thread = threading.Thread(target=register)
    thread.start()
    until = time.monotonic() + 20
    while len(taken) < 3 and time.monotonic() < until:
        time.sleep(0.05)
    server.kill()
    stop.set()
    thread.join()
    server.start()
    client = server.client
    for name in taken:
        again = client.post("/api/auth/register", key=None, json={"username": name.upper(), "email": "new@x.example", "password": PASSWORD})
        assert again.status_code == 409, name
    get = lambda who: client.get("/api/auth/me", key=None, headers=bearer(who.token)).status_code
    assert (get(person), get(leaver), get(gone)) == (200, 401, 401)
    good(client.post("/api/auth/refresh", key=None, json={"refresh_token": person.refresh}))
    assert client.post("/api/auth/refresh", key=None, json={"refresh_token": leaver.refresh}).status_code == 401
    server.stop()
    secrets = [PASSWORD, person.token, person.refresh, person.key]
    for file in server.data.rglob("*"):
        content = file.read_bytes() if file.is_file() else b""
        assert not [secret for secret in secrets if secret.encode() in content], file
    assert not [secret for secret in secrets if secret in server.stderr()]
    server.verify()


def test_an_erased_person_is_no_account_any_more(fresh_server):
    server = fresh_server(args=UNLIMITED)
    person, other = Person(server.client).sign_in(), Person(server.client).sign_in()
    erasure = good(server.client.post("/admin/erasures", json={"user_id": person.id}))
    until = time.monotonic() + 60
    while erasure["state"] != "done" and time.monotonic() < until:
        time.sleep(0.05)
        erasure = good(server.client.get(f"/admin/erasures/{erasure['id']}"))
    assert erasure["state"] == "done" and erasure["documents"] >= 5
    for again in range(2):
        assert server.client.get("/api/auth/me", key=person.key).status_code == 401
        assert server.client.get("/api/auth/me", key=None, headers=bearer(person.token)).status_code == 401
        assert server.client.get(f"/api/users/{person.id}").status_code == 404
        good(server.client.get("/api/auth/me", key=other.key))
        server.restart()
    server.stop()
    for text in (person.id, person.email, person.username):
        for file in server.data.rglob("*"):
            assert not file.is_file() or text.encode() not in file.read_bytes(), (text, file)
