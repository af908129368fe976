"""Write the next migration: what separates the newest one from the metadata. `make migration M="add colours"`."""

import re
import subprocess
import sys
import tempfile
import textwrap
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.operations import ops
from alembic.script import Script, ScriptDirectory

from engine.store.session import open_store

COLUMNS = (
    (sa.Boolean, "flag"),
    (sa.BigInteger, "number"),
    (sa.Integer, "small"),
    (sa.Float, "real"),
    (sa.Text, "words"),
    (sa.LargeBinary, "blob"),
    (sa.JSON, "data"),
)


def main(message: str) -> None:
    """Bring an empty SQLite database to the newest migration and compare."""
    config = Config()
    config.set_main_option("script_location", str(resources.files("engine.store") / "migrations"))
    config.set_main_option("file_template", "%%(rev)s_%%(slug)s")
    number = len(list(ScriptDirectory.from_config(config).walk_revisions())) + 1
    config.attributes["options"] = {"render_item": render, "process_revision_directives": tidy}
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"sqlite:///{Path(folder) / 'empty.db'}")
        with store.write() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            made = command.revision(config, message, autogenerate=True, rev_id=f"{number:04}")
        store.close()
    if not isinstance(made, Script):
        sys.exit("Alembic made no migration")
    path = Path(made.path)
    path.write_text(shorten(path.read_text(encoding="utf-8")), encoding="utf-8")
    for verb in (["check", "--fix-only"], ["format"]):
        subprocess.run([sys.executable, "-m", "ruff", *verb, "--quiet", str(path)], check=True)
    print(path)


def render(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write a column in the words of engine/store/migrations/columns.py."""
    if kind != "column":
        return False
    name = next(name for kind_of, name in COLUMNS if isinstance(item.type, kind_of))
    if name == "number" and item.primary_key:
        return f'key("{item.name}")'
    options = ", nullable=True" if item.nullable else ""
    if item.server_default is not None:
        default = str(item.server_default.arg.compile())
        options += f", default={default.capitalize() if name == 'flag' else repr(default)}"
    return f'{name}("{item.name}"{options})'


def tidy(_context: Any, _revision: Any, directives: Any) -> None:
    """Make indexes without copying their table, and drop no index of a table that goes."""
    script = directives[0]
    script.upgrade_ops.ops = list(flat(script.upgrade_ops.ops))
    gone = {op.table_name for op in script.downgrade_ops.ops if isinstance(op, ops.DropTableOp)}
    script.downgrade_ops.ops = [
        op for op in flat(script.downgrade_ops.ops) if not (isinstance(op, ops.DropIndexOp) and op.table_name in gone)
    ]


def flat(operations: list[Any]) -> Any:
    """Take the index operations out of the groups that stand for a change of a table."""
    for op in operations:
        inner = getattr(op, "ops", None)
        if inner and all(isinstance(each, ops.CreateIndexOp | ops.DropIndexOp) for each in inner):
            yield from inner
        else:
            yield op


def shorten(text: str) -> str:
    """Leave out what Alembic says for nothing, and drop many tables in a loop."""
    text = re.sub(r"^ *# (###|please).*\n", "", text, flags=re.MULTILINE).replace(", unique=False", "")

    def loop(found: re.Match[str]) -> str:
        names = ", ".join(f'"{name}"' for name in re.findall(r"drop_table\(.(\w+)", found[0]))
        rows = textwrap.fill(names, 110, initial_indent=" " * 8, subsequent_indent=" " * 8)
        return f"    tables = (\n{rows},\n    )  # fmt: skip\n    for table in tables:\n        op.drop_table(table)\n"

    return re.sub(r"(?:^    op\.drop_table\(\S+\)\n){3,}", loop, text, flags=re.MULTILINE)


if __name__ == "__main__":
    main(sys.argv[1])
