"""Node-RED: a message per contact through switch, function and delay nodes; all of it lives in memory."""

import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from bench.peers.installing import Missing, node_program

VERSION: Final = "4.1.8"
PATIENCE: Final = 300

SETTINGS: Final = """
module.exports = { flowFile: "flows.json", uiPort: 0, uiHost: "127.0.0.1", httpAdminRoot: false, httpNodeRoot: false,
  credentialSecret: false, logging: { console: { level: "error" } }, functionGlobalContext: { fs: require("fs") } };
"""
ENTERS: Final = """
const since = Date.now(), all = %d;
global.set("since", since);
let number = 0;
function some() {
  for (const end = Math.min(all, number + 1000); number < end; number++)
    node.send({ key: "c" + number, plan: number %% 10 < 6 ? "trial" : "paid" });
  if (number < all) setTimeout(some, 0);
}
some();
"""
SPLIT: Final = """
let hash = 0;
for (const letter of msg.key) hash = (hash * 31 + letter.charCodeAt(0)) % 10000;
return hash < 5000 ? [msg, null] : [null, msg];
"""
OWES: Final = 'msg.owed = "%s"; return msg;'
ENDS: Final = """
const ended = (context.get("ended") || 0) + 1;
context.set("ended", ended);
if (ended === %d) {
  const seconds = (Date.now() - global.get("since")) / 1000;
  global.get("fs").writeFileSync(%s, JSON.stringify({ seconds }));
}
"""


def run(contacts: int) -> float:
    """Carry so many contacts and give the seconds it took.

    Errors: ``Missing``.
    """
    program = node_program("node-red", VERSION, "node-red")
    with tempfile.TemporaryDirectory(prefix="dripline-node-red-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        said = folder / "said.json"
        (folder / "settings.js").write_text(SETTINGS, encoding="utf-8")
        (folder / "flows.json").write_text(json.dumps(_flow(contacts, said)), encoding="utf-8")
        command = [str(program), "--userDir", name, "--settings", str(folder / "settings.js")]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
            try:
                return _wait(server, said)
            finally:
                server.terminate()


def _wait(server: "subprocess.Popen[bytes]", said: Path) -> float:
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until and server.poll() is None:
        if said.exists() and (text := said.read_text(encoding="utf-8")):
            return float(json.loads(text)["seconds"])
        time.sleep(0.1)
    raise Missing("it did not end")


def _flow(contacts: int, said: Path) -> list[dict[str, Any]]:
    """Draw the flow: inject → enters → rule → split → message → delay → end."""
    rules = [{"t": "eq", "v": "trial", "vt": "str"}, {"t": "else"}]
    return [
        {"id": "tab", "type": "tab", "label": "bench"},
        _node("begin", "inject", ["enters"], once=True, onceDelay=1, repeat="", props=[]),
        _node("enters", "function", ["rule"], func=ENTERS % contacts, outputs=1),
        {**_node("rule", "switch", [], property="plan", propertyType="msg", rules=rules, outputs=2, checkall="true"),
         "wires": [["split"], ["split"]]},
        {**_node("split", "function", [], func=SPLIT, outputs=2), "wires": [["hello"], ["welcome"]]},
        _node("hello", "function", ["wait"], func=OWES % "hello", outputs=1),
        _node("welcome", "function", ["wait"], func=OWES % "welcome", outputs=1),
        _node("wait", "delay", ["ends"], pauseType="delay", timeout="1", timeoutUnits="milliseconds"),
        _node("ends", "function", [], func=ENDS % (contacts, json.dumps(str(said))), outputs=0),
    ]  # fmt: skip


def _node(name: str, kind: str, after: list[str], **settings: Any) -> dict[str, Any]:
    return {"id": name, "type": kind, "z": "tab", "wires": [after], **settings}
