"""Events as a shop's pages would send them."""
from datetime import datetime, timedelta, timezone


def iso(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def now(seconds=0):
    """ISO time, `seconds` from now."""
    return iso(datetime.now(timezone.utc) + timedelta(seconds=seconds))


def event(event_type, user, cart=None, session=None, time=None, event_id=None, **data):
    made = {"event_type": event_type, "data": {"user_id": user, **data}}
    if cart:
        made["data"]["cart_id"] = cart
    if session:
        made["data"]["session_id"] = session
    if time:
        made["timestamp"] = time
    if event_id:
        made["event_id"] = event_id
    return made


def visit(name, views=5, adds=1, checkout=False, purchase=False, began_s=-600):
    """One visit, in order: (cart, events)."""
    user, cart, session = name("user"), name("cart"), name("session")
    step = iter(range(10_000))

    def at():
        return now(began_s + 5 * next(step))

    def one(event_type, **data):
        return event(event_type, user, cart, session, at(), name("evt"), region="eu-west", device="desktop",
                     returning_visitor=True, **data)

    events = [one("page_view", page_type="info")]
    events += [one("product_view", product_id=f"p{n}", price=10.0 + n, quantity=1) for n in range(views)]
    events += [one("add_to_cart", product_id=f"p{n}", price=10.0 + n, quantity=1) for n in range(adds)]
    if checkout or purchase:
        events.append(one("checkout_start"))
    if purchase:
        events.append(one("purchase", price=10.0 * adds, quantity=1))
    return cart, events
