"""Real shopping streams as events, and how their columns become fields.

rees46_events       view -> product_view, cart -> add_to_cart, purchase -> purchase. The session is the cart too.
taobao_events,      pv -> product_view, cart -> add_to_cart, buy -> purchase, fav -> wishlist_add. There is no session:
taobao_burst_2h     30 minutes without an event of the user end one, and a session is a cart. There is no price.
completejourney_-   a line of a basket -> add_to_cart with the price of one piece; after the last line of a basket one
transactions        purchase of its total, a second later. The household is the user, the basket is session and cart.

Ids of events are "<set>-<row>" (a purchase of completejourney: "<set>-basket-<id>"); users, sessions and carts carry a prefix per set.
Times are UTC. A field that is empty in the file is left out.
"""
import csv
import gzip
from datetime import datetime, timedelta, timezone
from pathlib import Path

from shopping import iso

SETS = ["rees46_events", "taobao_events", "taobao_burst_2h", "completejourney_transactions"]
TYPES = {"view": "product_view", "pv": "product_view", "cart": "add_to_cart", "buy": "purchase", "purchase": "purchase",
         "fav": "wishlist_add"}
SESSION_GAP = timedelta(minutes=30)


def rows(folder, name):
    path = Path(folder) / f"{name}.csv.gz"
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def event(event_id, event_type, time, user, session, **data):
    fields = {"user_id": user, "session_id": session, "cart_id": session, **data}
    return {"event_id": event_id, "event_type": event_type, "timestamp": iso(time),
            "data": {key: value for key, value in fields.items() if value not in ("", None)}}


def rees46(folder, name):
    for number, row in enumerate(rows(folder, name)):
        time = datetime.strptime(row["event_time"], "%Y-%m-%d %H:%M:%S UTC").replace(tzinfo=timezone.utc)
        yield event(f"{name}-{number}", TYPES[row["event_type"]], time, f"r-{row['user_id']}", f"r-{row['user_session']}",
                    product_id=row["product_id"], category=row["category_code"], brand=row["brand"],
                    price=float(row["price"]), quantity=1)


def taobao(folder, name):
    latest = {}  # user -> (time of the latest event, session)
    prefix = "tb" if name == "taobao_burst_2h" else "t"
    for number, row in enumerate(rows(folder, name)):
        time = datetime.fromtimestamp(int(row["timestamp"]), timezone.utc)
        user = f"{prefix}-{row['user_id']}"
        before, session = latest.get(user, (None, None))
        if before is None or time - before > SESSION_GAP:
            session = f"{user}-{number}"
        latest[user] = (time, session)
        yield event(f"{name}-{number}", TYPES[row["behavior_type"]], time, user, session,
                    product_id=row["item_id"], category=row["category_id"], quantity=1)


def completejourney(folder, name):
    lines = list(rows(folder, name))
    last = {row["basket_id"]: number for number, row in enumerate(lines)}
    totals = {}
    for number, row in enumerate(lines):
        time = datetime.strptime(row["transaction_timestamp"], "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone.utc)
        user, basket = f"c-{row['household_id']}", f"c-{row['basket_id']}"
        quantity, value = int(row["quantity"]), float(row["sales_value"])
        totals[basket] = totals.get(basket, 0.0) + value
        yield event(f"{name}-{number}", "add_to_cart", time, user, basket, product_id=row["product_id"],
                    price=round(value / quantity, 4) if quantity else value, quantity=quantity)
        if last[row["basket_id"]] == number:
            yield event(f"{name}-basket-{row['basket_id']}", "purchase", time + timedelta(seconds=1), user, basket,
                        price=round(totals[basket], 2), quantity=1)


READERS = {"rees46_events": rees46, "taobao_events": taobao, "taobao_burst_2h": taobao,
           "completejourney_transactions": completejourney}


def load(folder, name):
    return list(READERS[name](folder, name))
