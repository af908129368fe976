"""Write deploy/citus.sql: how the tables lie on several nodes of Citus, from the metadata. `make citus`."""

from pathlib import Path
from typing import Final

import sqlalchemy as sa

from engine.store.tables import metadata

FILE: Final = Path(__file__).resolve().parents[1] / "deploy" / "citus.sql"
SHARDS: Final = 32
FIRST: Final = "contact"
"""The table beside whose shards all others lie."""

REFERENCE: Final = (
    "experiment", "experiment_share", "flow", "flow_version", "meta", "segment", "template", "topic", "workspace",
)  # fmt: skip
"""Small tables that waves and rules read: a copy on every node."""

HEAD: Final = f"""\
-- How Dripline's tables lie on the nodes of a Citus cluster. Written by `make citus` from the tables of the code.
--
-- Prepared for, not run in CI: no test of this project has run on Citus. The tests keep what it rests on: every key
-- has the part, no reference leaves it, and what is done for contacts names it (tests/law/test_parts.py).
-- docs/architecture.md, "Parts", says what is still missing before Citus is fast and not only possible.
--
-- Run it once, as the owner, after `dripline doctor --mend` has made the tables in a database whose extension
-- `citus` is there and whose nodes are added, and before there are contacts:
--   psql -v ON_ERROR_STOP=1 -d dripline -f deploy/citus.sql
--
-- All that is a contact's lies on one node: {SHARDS} shards of `part`, side by side over all tables. The 64 parts fall
-- on them by Citus's own hash, not evenly: look at citus_shards and move shards before there is load.

SET citus.shard_count = {SHARDS};
BEGIN;
"""


def text() -> str:
    """Write the file's text."""
    tables = {table.name: table for table in metadata.sorted_tables}
    spread = [name for name, table in tables.items() if "part" in table.c]
    others = sorted(name for name in spread if name != FIRST)
    local = sorted(set(tables) - set(spread) - set(REFERENCE))
    lines = [HEAD, "-- Contacts and what is theirs."]
    lines.append(f"SELECT create_distributed_table('{FIRST}', 'part', colocate_with => 'none');")
    lines += [f"SELECT create_distributed_table('{name}', 'part', colocate_with => '{FIRST}');" for name in others]
    lines += ["", "-- A copy on every node: what is drawn and named."]
    lines += [f"SELECT create_reference_table('{name}');" for name in REFERENCE]
    lines += ["", "-- On the coordinator only: what pages and people need, and no wave."]
    lines += [f"-- {name}{_note(tables[name])}" for name in local]
    return "\n".join([*lines, "", "COMMIT;", ""])


def _note(table: sa.Table) -> str:
    return "" if table.primary_key.columns else " (has no key)"


if __name__ == "__main__":
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(text(), encoding="utf-8")
    print(FILE)
