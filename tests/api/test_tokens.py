"""Tokens, held against an independent implementation (PyJWT), and tokens of services by OAuth 2.0 client credentials."""
import json
import time

import jwt
import pytest

from harness import Headrace, good
from people import UNLIMITED, Person, bearer, make_key


@pytest.fixture(scope="module")
def server(tmp_path_factory, exchanges):
    running = Headrace(tmp_path_factory.mktemp("tokens"), exchanges, args=["--loops", "2", *UNLIMITED]).start()
    yield running
    assert running.stop() == 0


def signing_key(client, token):
    keys = jwt.PyJWKSet.from_dict(good(client.get("/.well-known/jwks.json", key=None)))
    return next(key for key in keys.keys if key.key_id == jwt.get_unverified_header(token)["kid"]).key


def test_another_implementation_verifies_our_tokens(server):
    person = Person(server.client, ["learner"], "school").sign_in()
    assert jwt.get_unverified_header(person.token)["alg"] == "EdDSA"
    claims = jwt.decode(person.token, signing_key(server.client, person.token), ["EdDSA"], audience="headrace", issuer="headrace")
    assert claims["sub"] == person.id and claims["user_id"] == person.number and claims["roles"] == ["learner"]
    assert claims["tenant"] == "school" and claims["exp"] - claims["iat"] == 86400
    with pytest.raises(jwt.InvalidAudienceError):
        jwt.decode(person.token, signing_key(server.client, person.token), ["EdDSA"], audience="other")


def test_forged_tokens_of_another_implementation_are_refused(server):
    person = Person(server.client).sign_in()
    header, claims = jwt.get_unverified_header(person.token), jwt.decode(person.token, options={"verify_signature": False})
    public = json.dumps(good(server.client.get("/.well-known/jwks.json", key=None))["keys"][0])
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    forged = {
        "none": jwt.encode(claims, None, "none", headers=header | {"alg": "none"}),
        "public key as a secret": jwt.encode(claims, public, "HS256", headers=header | {"alg": "HS256"}),
        "another key": jwt.encode(claims, Ed25519PrivateKey.generate(), "EdDSA", headers=header),
        "another key, unnamed": jwt.encode(claims, Ed25519PrivateKey.generate(), "EdDSA", headers={"typ": "at+jwt"}),
    }
    for kind, token in forged.items():
        assert server.client.get("/api/auth/me", key=None, headers=bearer(token)).status_code == 401, kind
    good(person.get("/api/auth/me"))


def test_keys_rotate_and_tokens_of_the_one_before_hold(server):
    person = Person(server.client).sign_in()
    kid = good(server.client.post("/admin/token-keys/rotate"))["kid"]
    assert server.client.post("/admin/token-keys/rotate").status_code == 409  # tokens of the first would be void
    good(person.get("/api/auth/me"))
    fresh = Person(server.client).sign_in()
    assert jwt.get_unverified_header(fresh.token)["kid"] == kid
    for token in (person.token, fresh.token):
        jwt.decode(token, signing_key(server.client, token), ["EdDSA"], audience="headrace")


def test_tokens_expire_and_hs256_is_a_matter_of_configuration(fresh_server):
    server = fresh_server(args=["--token-algorithm", "HS256", "--access-token-s", "2", "--token-issuer", "us", "--token-audience", "them", *UNLIMITED])
    person = Person(server.client).sign_in()
    assert jwt.get_unverified_header(person.token)["alg"] == "HS256"
    claims = jwt.decode(person.token, options={"verify_signature": False})
    assert (claims["iss"], claims["aud"]) == ("us", "them")
    assert good(server.client.get("/.well-known/jwks.json", key=None)) == {"keys": []}
    good(person.get("/api/auth/me"))
    time.sleep(max(0, claims["exp"] - time.time()) + 0.05)
    expired = person.get("/api/auth/me")
    assert expired.status_code == 401 and "expired" in expired.json()["message"]
    assert expired.headers["WWW-Authenticate"] == "Bearer"


def test_a_service_gets_a_token_for_its_key(server):
    key = make_key(server.client, name="billing", scopes=["events:read", "tokens:read"], tenant="school")
    form = {"grant_type": "client_credentials", "client_id": key["id"], "client_secret": key["key"], "scope": "events:read"}
    reply = server.client.post("/internal/auth/service-token", key=None, data=form)
    issued = good(reply)
    assert (issued["token_type"], issued["expires_in"], issued["scope"]) == ("Bearer", 3600, "events:read")
    assert reply.headers["Cache-Control"] == "no-store"
    good(server.client.get("/api/events", key=None, headers=bearer(issued["access_token"])))
    lacks = server.client.post("/internal/auth/validate", key=None, headers=bearer(issued["access_token"]), json={"token": "x"})
    assert lacks.status_code == 403
    checked = good(server.client.post("/internal/auth/validate", key=key["key"], json={"token": issued["access_token"]}))
    assert checked["valid"] and checked["kind"] == "service" and checked["tenant"] == "school" and checked["subject"] == key["id"]
    permitted = good(server.client.get("/internal/auth/permissions", key=None, headers=bearer(issued["access_token"])))
    assert "list_events" in permitted["operations"] and "ingest_event" not in permitted["operations"]
    as_json = good(server.client.post("/internal/auth/service-token", key=None, json={"client_secret": key["key"]}))
    assert as_json["scope"] == "events:read tokens:read"
    for change, status, error in (({"client_secret": "hr_" + "0" * 64}, 401, "invalid_client"), ({"client_id": "0" * 16}, 401, "invalid_client"),
                                  ({"scope": "events:write"}, 400, "invalid_scope"), ({"grant_type": "password"}, 400, "unsupported_grant_type")):
        refused = server.client.post("/internal/auth/service-token", key=None, data={**form, **change})
        assert (refused.status_code, refused.json()["error"]) == (status, error)
    good(server.client.request("DELETE", f"/api/keys/{key['id']}"))
    assert server.client.get("/api/events", key=None, headers=bearer(issued["access_token"])).status_code == 401
    gone = good(server.client.post("/internal/auth/validate", json={"token": issued["access_token"]}))
    assert gone["valid"] is False and "revoked" in gone["reason"]
