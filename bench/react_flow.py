"""React Flow beside our canvas: the same graph, the same cards, the same gestures, in the same run.

It comes from npm at the versions of ``bench/react_flow_page/package-lock.json`` into ``build/react_flow``, which is
not kept.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Page

ROOT: Final = Path(__file__).resolve().parent.parent
REACT_FLOW: Final = Path(__file__).resolve().parent / "react_flow_page"
MADE: Final = ROOT / "build" / "react_flow" / "node_modules"
FOLDERS: Final = {"/vendor/": MADE, "/static/": ROOT / "static"}
CARD: Final = '.react-flow__node[data-id="n1"]'

READ: Final = """() => {
  const matrix = new DOMMatrix(getComputedStyle(document.getElementById('world')).transform);
  const nodes = [...document.querySelectorAll('#cards > .n')].map((card) => ({
    id: card.dataset.id, x: parseFloat(card.style.left), y: parseFloat(card.style.top),
    width: parseFloat(card.style.width), height: parseFloat(card.style.height), className: card.className,
    html: card.querySelector('.card-face').outerHTML,
    ports: [...card.querySelectorAll('.out')].map((port) => ({ key: port.dataset.port, x: port.style.left })),
  }));
  const lines = [...document.querySelectorAll('#edges > .e')];
  const edges = lines.map(({ dataset: { from, port, to } }) => [from, port, to]);
  return { nodes, edges, view: { x: matrix.e, y: matrix.f, zoom: matrix.a } };
}"""


def install() -> None:
    """Fetch React Flow, unless it is there."""
    if not MADE.exists():
        subprocess.run([sys.executable, str(ROOT / ".ci" / "vendor.py"), "react-flow"], check=True)


def read_graph(page: Page) -> dict[str, Any]:
    """Read the graph that our canvas shows: cards, edges, and the view it opened with."""
    graph: dict[str, Any] = page.evaluate(READ)
    return graph


@contextmanager
def served(graph: Mapping[str, Any]) -> Iterator[str]:
    """Serve the page that draws a graph with React Flow; give its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Files, json.dumps(graph).encode()))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


class _Files(SimpleHTTPRequestHandler):
    """The page, the graph, and files of React Flow and of our style sheets."""

    protocol_version = "HTTP/1.1"

    def __init__(self, graph: bytes, *args: Any) -> None:
        self.graph = graph
        super().__init__(*args)

    def do_GET(self) -> None:
        if self.path == "/graph.json":
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(self.graph)))
            self.end_headers()
            self.wfile.write(self.graph)
        else:
            super().do_GET()

    def translate_path(self, path: str) -> str:
        """Say which file an address stands for."""
        for begin, folder in FOLDERS.items():
            if path.startswith(begin):
                return str(folder / path.removeprefix(begin))
        return str(REACT_FLOW / ("page.html" if path == "/" else path.lstrip("/")))

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
