"""Put what was handed in beside the notebook into its folder. Runs in the student's process."""

from __future__ import annotations

import os
import sys
from pathlib import Path, PurePosixPath

from autograder.protocol.channel import Channel
from autograder.protocol.messages import PutFile, Start, Started


def receive_files(channel: Channel, work: Path) -> None:
    """Write the files that the grader sends into the folder `work`, until it says to start the notebook.

    What is there already, the released materials, stays. Raises OSError, ValueError or ProtocolError.
    """
    begun: set[str] = set()
    while True:
        message: PutFile | Start = channel.receive(PutFile | Start)
        if isinstance(message, Start):
            break
        target = _target(work, message.path)
        if message.path not in begun and os.path.lexists(target):
            continue
        begun.add(message.path)
        with target.open("ab") as file:
            file.write(message.data)
    # As in Jupyter, where it also follows os.chdir. Nothing of ours is imported from here on.
    sys.path.insert(0, "")
    channel.send(Started())


def _target(work: Path, path: str) -> Path:
    """Where to write the file; makes the folders that lead there."""
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts:
        raise ValueError(f"{path} leads outside the folder")
    folder = work
    for part in parts[:-1]:
        folder /= part
        if folder.is_symlink():
            _open_up(folder)
        folder.mkdir(exist_ok=True)
    return folder / parts[-1]


def _open_up(link: Path) -> None:
    """Replace a link to a folder of the materials, which is read-only, by a folder of links."""
    original = Path(os.readlink(link))
    link.unlink()
    link.mkdir()
    for name in os.listdir(original):
        (link / name).symlink_to(original / name)
