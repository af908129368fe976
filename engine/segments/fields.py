"""The attributes that rules may name, for pickers and for the checker."""

from sqlalchemy.engine import Connection

from engine.rules.attributes import ACCOUNT_BUILT_IN, BUILT_IN
from engine.store.attributes import registered_attributes


def known_attributes(connection: Connection, workspace_id: int) -> dict[str, str]:
    """Tell which attributes there are and their kinds: built-in ones first, then those that have been seen, by name.

    Shape: as ``registered_attributes``.
    Cost: one statement.
    """
    built_in = {**BUILT_IN, **{f"account.{name}": kind for name, kind in ACCOUNT_BUILT_IN.items()}}
    seen = registered_attributes(connection, workspace_id)
    return {**built_in, **{name: seen[name] for name in sorted(seen) if name not in built_in}}
