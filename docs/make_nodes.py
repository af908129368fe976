"""Write the generated pages and the schema again: ``python docs/make_nodes.py`` from the project's root."""

import json
from pathlib import Path

from engine.contract.registry import installed
from engine.graph.reference import reference_pages
from engine.graph.schema import flow_schema

ROOT = Path(__file__).parents[1]


def generated() -> dict[Path, str]:
    """Give every generated file with its text."""
    types = list(installed())
    pages = {ROOT / "docs" / path: text for path, text in reference_pages(types).items()}
    schema = json.dumps(flow_schema(types), ensure_ascii=False, indent=2) + "\n"
    return {**pages, ROOT / "flows" / "flow.schema.json": schema}


if __name__ == "__main__":
    for path, text in generated().items():
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
