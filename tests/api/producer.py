"""A client that writes down what the server acknowledged: the witness of the crash tests."""
import http.client
import json
import random
import threading

from harness import ADMIN_KEY

HEADERS = {"Content-Type": "application/json", "X-API-Key": ADMIN_KEY}
BATCH = 20
USERS = 6  # per producer


class Producer:
    """Sends one request at a time until the server is gone: singles, batches, predictions, events that ask for one.

    Its journal holds every acknowledgement: the place of each event, the id of each prediction that was to be durable.

    A request that was cut off is in doubt: it is sent again first thing after the restart, with the same ids, so the events
    of a user always arrive in the order of their numbers.
    """

    def __init__(self, number, seed):
        self.number, self.dice = number, random.Random(seed)
        self.next = 0        # number of the next event
        self.in_doubt = None  # (path, body, ids)
        self.fresh = {}      # event id -> (partition, offset), acknowledged since the last take()
        self.predictions = set()  # ids of durable ones, acknowledged since the last take_predictions()
        self.answered = 0
        self.problem = None
        self.stopping = False
        self.thread = None

    def start(self, port):
        self.stopping = False
        self.thread = threading.Thread(target=self._run, args=(port,))
        self.thread.start()

    def join(self):
        self.stopping = True
        self.thread.join()

    def take(self):
        """What was acknowledged since the last call."""
        taken, self.fresh = self.fresh, {}
        return taken

    def take_predictions(self):
        taken, self.predictions = self.predictions, set()
        return taken

    def _run(self, port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            while not self.stopping and self.problem is None:
                path, body, ids = self.in_doubt or self._make()
                self.in_doubt = (path, body, ids)
                connection.request("POST", path, body, HEADERS)
                reply = connection.getresponse()
                self._note(reply.status, reply.read(), ids)
        except (OSError, http.client.HTTPException):
            pass  # killed
        finally:
            connection.close()

    def _make(self):
        what = self.dice.random()
        if what < 0.2 and self.next > USERS:
            durability = "sync" if what < 0.1 else "async"
            cart = self._cart(self.dice.randrange(USERS))
            return "/api/predict", json.dumps({"cart_id": cart, "durability": durability}), []
        count = BATCH if what < 0.4 else 1
        events = [self._event(self.next + at) for at in range(count)]
        self.next += count
        ids = [one["event_id"] for one in events]
        if count == 1:
            return "/api/events" + ("?predict=true" if what > 0.9 else ""), json.dumps(events[0]), ids
        return "/api/events/batch", json.dumps(events), ids

    def _cart(self, user):
        return f"cart-{self.number}-{user}"

    def _event(self, number):
        user = number % USERS
        return {"event_id": f"e{self.number}-{number}", "event_type": "add_to_cart" if number % 3 else "product_view",
                "data": {"user_id": f"user-{self.number}-{user}", "cart_id": self._cart(user), "number": number,
                         "product_id": f"p{number % 50}", "price": 1.25, "quantity": 1}}

    def _note(self, status, body, ids):
        self.answered += 1
        if status in (503, 404) and (status == 503 or not ids):
            self.in_doubt = None if not ids else self.in_doubt
            return
        if status != 200:
            self.problem = f"{status} {body[:300]}"
            return
        answer = json.loads(body)
        if any(one["status"] == "rejected" for one in answer.get("results", [])):
            return  # a partition had no room: all of it is sent again
        durable = b'"sync"' in self.in_doubt[1].encode()
        self.in_doubt = None
        if durable:
            self.predictions.add(answer["prediction_id"])
        if ids:
            results = answer["results"] if "results" in answer else [answer]
            for one, event_id in zip(results, ids, strict=True):
                assert one["event_id"] == event_id
                self.fresh[event_id] = (one["partition"], one["offset"])
