"""Every route times every kind of credential gives what the route's row declares: made from /openapi.json, so a new route
is in it by being a route."""
import time
from datetime import datetime, timedelta, timezone

import pytest

from harness import good
from people import UNLIMITED, Person, bearer, make_key

ROLES = ["customer", "learner", "trainer", "org_admin", "operator"]
SCOPES = ["events:read", "events:write", "features:read", "predictions:read", "keys:read", "keys:write", "account:read",
          "account:write", "users:read", "users:write", "tokens:read", "stores:read",
          "stores:write"]
ENDS_SESSIONS = {"/api/auth/logout", "/api/auth/logout-all"}


@pytest.fixture(scope="module")
def server(tmp_path_factory, exchanges):
    import harness
    running = harness.Headrace(tmp_path_factory.mktemp("permits"), exchanges, args=["--loops", "2", *UNLIMITED]).start()
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")
def world(server):
    return World(server.client)


class World:
    def __init__(self, client):
        self.client = client
        self.routes = [(method.upper(), path, operation["x-permit"])
                       for path, methods in good(client.get("/openapi.json"))["paths"].items()
                       for method, operation in methods.items()]
        self.people = {role: Person(client, [role], "school").sign_in() for role in ROLES}
        self.stranger = Person(client, ["customer"], "elsewhere").sign_in()
        self.service = make_key(client, name="a service", roles=["service"])["key"]
        self.own_keys = {role: good(client.get("/api/keys", key=person.key))["keys"][0]["id"]
                         for role, person in self.people.items()}
        self.stranger_key = good(client.get("/api/keys", key=self.stranger.key))["keys"][0]["id"]

    def call(self, method, path, whose=None, key_id="0123456789abcdef", tenant="school", **credential):
        """The reply to a request whose path names the account `whose`, the key `key_id` and the store `tenant`."""
        path = path.replace("/api/stores/{id}", f"/api/stores/{tenant}")
        path = path.replace("{storeId}", tenant)
        path = path.replace("{user_id}", whose or self.stranger.id).replace("/api/keys/{id}", f"/api/keys/{key_id}")
        for name in ("{id}", "{cartId}", "{entity}", "{name}", "{serviceId}", "{flag}", "{key}"):
            path = path.replace(name, "nothing")
        body = {} if method in ("GET", "DELETE") else {"json": {}}
        return self.client.request(method, path, **body, **credential)


def shows(method, path):
    return f"{method} {path}"


def test_the_table_is_not_empty(world):
    assert len(world.routes) > 40
    assert sum("anyone" not in permit["roles"] for _, _, permit in world.routes) > 30


def test_without_a_good_credential_only_open_routes_answer(world):
    gone = make_key(world.client, name="gone")
    good(world.client.request("DELETE", f"/api/keys/{gone['id']}"))
    soon = datetime.now(timezone.utc) + timedelta(seconds=1)
    expired = make_key(world.client, name="expired", expires_at=soon.isoformat())["key"]
    time.sleep(1.1)
    person = Person(world.client).sign_in()
    token = person.token
    good(person.post("/api/auth/logout"))
    forged = token[:-8] + "AAAAAAAA"
    bad = {"none": {"key": None}, "revoked": {"key": gone["key"]}, "expired": {"key": expired},
           "signed out": {"key": None, "headers": bearer(token)}, "forged": {"key": None, "headers": bearer(forged)}}
    wrong = []
    for method, path, permit in world.routes:
        for kind, credential in bad.items():
            status = world.call(method, path, **credential).status_code
            refused = status == 401
            if refused != ("anyone" not in permit["roles"]) or status == 403:
                wrong.append(f"{shows(method, path)} {kind}: {status}")
    assert not wrong, "\n".join(wrong)


def permitted(permit, role):
    return bool({"anyone", role} & set(permit["roles"])) or role == "admin"


@pytest.mark.parametrize("by", ["key", "token"])
def test_each_role_passes_where_its_rows_say(world, by):
    wrong = []
    for person in world.people.values():
        person.sign_in()  # whatever the others have ended
    for method, path, permit in world.routes:
        if by == "token" and path in ENDS_SESSIONS:
            continue  # test_accounts.py
        for role in [*ROLES, *(["service", "admin"] if by == "key" else [])]:
            person = world.people.get(role)
            credential = {"key": world.service if role == "service" else world.client.key}
            if person:
                credential = {"key": person.key} if by == "key" else {"key": None, "headers": bearer(person.token)}
            whose = person.id if person and permit["own"] else None
            key_id = "0123456789abcdef"  # of nobody
            status = world.call(method, path, whose, key_id, **credential).status_code
            if status == 401 or (status == 403) == permitted(permit, role):
                wrong.append(f"{shows(method, path)} {role} by {by}: {status}")
    assert not wrong, "\n".join(wrong)


def test_a_key_without_the_scope_does_not_pass(world):
    narrow = {scope: make_key(world.client, name=scope, scopes=[scope], roles=["service", "customer"])["key"]
              for scope in SCOPES}
    wrong = []
    for method, path, permit in world.routes:
        if not {"service", "customer"} & set(permit["roles"]):
            continue
        for scope, key in narrow.items():
            status = world.call(method, path, key=key).status_code
            lacks = set(permit["scopes"]) - {scope}
            not_own = permit["own"] and "service" not in permit["beyond"]
            if (status == 403) != bool(lacks or not_own):
                wrong.append(f"{shows(method, path)} with {scope}: {status}, needs {permit['scopes']}")
    assert not wrong, "\n".join(wrong)


def test_nobody_reaches_what_is_another_accounts(world):
    wrong, seen = [], 0
    for method, path, permit in world.routes:
        if not permit["own"] and not permit["stored"] and not permit["tenant"]:
            continue
        for role, person in world.people.items():
            if not permitted(permit, role):
                continue
            seen += 1
            reply = world.call(method, path, whose=world.stranger.id, key_id=world.stranger_key, tenant="elsewhere", key=person.key)
            beyond = role in permit["beyond"]
            # Beyond their own account they see what is of their tenant; that another exists is hidden.
            want = 404 if permit["stored"] or beyond else 403
            if reply.status_code != want:
                wrong.append(f"{shows(method, path)} {role}: {reply.status_code}, not {want}")
    assert not wrong, "\n".join(wrong)
    assert seen > 10
    # The key of the stranger is still there, and good.
    assert good(world.client.get("/api/keys", key=world.stranger.key))["keys"][0]["id"] == world.stranger_key


def test_own_data_is_reached_by_uuid_and_by_number(world):
    for role, person in world.people.items():
        for name in (person.id, str(person.number)):
            assert good(world.client.get(f"/api/users/{name}", key=person.key))["id"] == person.id
    # In their tenant, those who look after it see others; the others do not.
    student = world.people["learner"]
    assert good(world.client.get(f"/api/users/{student.id}", key=world.people["org_admin"].key))["id"] == student.id
    assert world.client.get(f"/api/users/{student.id}", key=world.people["trainer"].key).status_code == 403
    assert world.client.get(f"/api/users/{world.stranger.id}", key=world.people["org_admin"].key).status_code == 404


def test_a_key_of_one_tenant_does_not_see_another(world):
    key = make_key(world.client, roles=["service"], tenant="school")["key"]
    assert good(world.client.get(f"/api/users/{world.people['learner'].id}", key=key))
    reply = world.client.get(f"/api/users/{world.stranger.id}", key=key)
    assert (reply.status_code, reply.json()["code"]) == (404, "USER_004")
