"""Delete a submission's folder, whatever the submission has done to it."""

from __future__ import annotations

import shutil
import subprocess
import sys


def remove(folder: str) -> None:
    """Delete it even if it is nested too deeply for Python or closed to its owner; ignore what remains."""
    try:
        shutil.rmtree(folder)
        return
    except FileNotFoundError:
        return
    except (OSError, RecursionError):
        pass
    if sys.platform == "win32":
        shutil.rmtree(folder, ignore_errors=True)
        return
    for command in (["chmod", "-R", "u+rwx"], ["rm", "-rf"]):
        subprocess.run([*command, "--", folder], stderr=subprocess.DEVNULL, check=False)
