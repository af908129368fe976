"""What forms call operators, forms of conditions, units and types; translated where they are shown."""

from typing import Final

from designer.language import mark

FORMS: Final = {
    "attr": mark("Attribute"),
    "tag": mark("Tag"),
    "stage": mark("Stage"),
    "segment": mark("Segment"),
    "event": mark("Event"),
    "no_event": mark("No event"),
    "message": mark("Message"),
    "consent": mark("Consent"),
    "json": mark("As JSON"),
}
"""Forms of a single condition."""

GROUPS: Final = {
    "all": mark("All of these hold"),
    "any": mark("Any of these holds"),
    "none": mark("None of these holds"),
    "not_all": mark("Not all of these hold"),
}

OPS: Final = {
    "is": mark("is"),
    "is_not": mark("is not"),
    "in": mark("is one of"),
    "not_in": mark("is none of"),
    "contains": mark("contains"),
    "not_contains": mark("does not contain"),
    "starts_with": mark("starts with"),
    "ends_with": mark("ends with"),
    "gt": mark("is more than"),
    "gte": mark("is at least"),
    "lt": mark("is less than"),
    "lte": mark("is at most"),
    "between": mark("is between"),
    "exists": mark("has a value"),
    "missing": mark("has no value"),
    "before": mark("is before"),
    "after": mark("is after"),
    "within_last": mark("was in the last"),
    "within_next": mark("is in the next"),
    "has_any": mark("has any of"),
    "has_all": mark("has all of"),
    "has_none": mark("has none of"),
}

COUNTS: Final = {
    "": mark("at least once"),
    "is": mark("exactly"),
    "is_not": mark("not exactly"),
    "gt": mark("more than"),
    "gte": mark("at least"),
    "lt": mark("fewer than"),
    "lte": mark("at most"),
    "between": mark("between"),
}
"""How often an event happened."""

YES_NO: Final = {
    "tag": (mark("has"), mark("has not")),
    "stage": (mark("is"), mark("is not")),
    "segment": (mark("is in"), mark("is not in")),
    "event": (mark("happened"), mark("did not happen")),
    "no_event": (mark("for at least"), mark("not for at least")),
    "message": (mark("was"), mark("was not")),
    "consent": (mark("is given for"), mark("is withdrawn for")),
    "attr": (mark("it holds that"), mark("it does not hold that")),
    "json": (mark("holds"), mark("does not hold")),
}
"""A condition as it is, and turned round."""

THEN: Final = {
    "": mark("whatever came after"),
    "followed_by": mark("and then"),
    "not_followed_by": mark("and then not"),
}

DID: Final = {
    "sent": mark("sent out"),
    "delivered": mark("delivered"),
    "opened": mark("opened"),
    "clicked": mark("clicked"),
    "bounced": mark("bounced"),
    "replied": mark("replied to"),
}

UNITS: Final = {
    "m": mark("minutes"),
    "h": mark("hours"),
    "d": mark("days"),
    "w": mark("weeks"),
    "s": mark("seconds"),
}

TYPES: Final = {
    "text": mark("text"),
    "number": mark("number"),
    "yes_no": mark("yes or no"),
    "json": "JSON",
}

DAYS: Final = {
    "mon": mark("Mon"),
    "tue": mark("Tue"),
    "wed": mark("Wed"),
    "thu": mark("Thu"),
    "fri": mark("Fri"),
    "sat": mark("Sat"),
    "sun": mark("Sun"),
}

KINDS: Final = {
    "text": mark("text"),
    "number": mark("number"),
    "bool": mark("yes or no"),
    "date": mark("date"),
    "list": mark("list"),
}
"""Kinds of attributes."""
