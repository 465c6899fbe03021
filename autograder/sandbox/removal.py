"""Take away a folder that a submission had for itself, whatever it has made of it."""

from __future__ import annotations

import shutil
import subprocess
import sys


def remove(folder: str) -> None:
    """Also one that is deeper than Python can follow, or has parts that are closed. What cannot go stays."""
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
