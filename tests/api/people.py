"""People and keys for the tests of identity: made through the API, as anybody would."""
import itertools
import uuid

from harness import good

PASSWORD = "correct horse battery"
UNLIMITED = ["--logins-of-address", "1000000", "--logins-of-account", "1000000"]
numbers = itertools.count(1)


class Person:
    """A registered account; `token` and `refresh` after signing in."""

    def __init__(self, client, roles=None, tenant=None, password=PASSWORD):
        self.client, self.password = client, password
        self.username = f"p{uuid.uuid4().hex[:12]}{next(numbers)}"
        self.email = f"{self.username}@example.com"
        made = client.post("/api/auth/register", key=None, json={
            "username": self.username, "email": self.email, "password": password, "first_name": "Ada", "last_name": "Byron"})
        self.made = good(made)
        assert made.status_code == 201
        self.number, self.id, self.key = self.made["user_id"], self.made["id"], self.made["api_key"]
        if roles or tenant:
            good(client.request("PUT", f"/admin/users/{self.id}", json={
                **({"roles": roles} if roles else {}), **({"tenant": tenant} if tenant else {})}))

    def sign_in(self):
        answer = good(self.client.post("/api/auth/login", key=None, json={"username": self.username, "password": self.password}))
        self.token, self.refresh = answer["access_token"], answer["refresh_token"]
        return self

    def get(self, path, **more):
        return self.client.get(path, key=None, headers=bearer(self.token), **more)

    def post(self, path, **more):
        return self.client.post(path, key=None, headers=bearer(self.token), **more)


def bearer(token):
    return {"Authorization": f"Bearer {token}"}


def make_key(client, **wish):
    """A key made by the administrator; the whole answer."""
    return good(client.post("/api/keys", json={"name": "test", **wish}))
