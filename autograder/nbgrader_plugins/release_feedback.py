"""`nbgrader release_feedback`, which leaves out what did not come through the exchange."""

from __future__ import annotations

import glob
from pathlib import Path

from nbgrader.exchange.default import ExchangeReleaseFeedback

from autograder.intake.beside import NBGRADERS_OWN
from autograder.nbgrader_glue.literal_names import glob as names_first


class ReleaseFeedback(ExchangeReleaseFeedback):  # type: ignore[misc]  # nbgrader has no types
    """nbgrader's class, one student after another.

    nbgrader names a released page after the secret that came with the submission. Without one, nobody could
    fetch the page; with another student's, that student would.
    """

    src_path: str

    def copy_files(self) -> None:
        folders = [Path(folder) for folder in sorted(names_first(self.src_path)) if Path(folder).is_dir()]
        if not folders:
            self.fail(f"{self.src_path} does not exist: run `autograder feedback` first.")
        failed, owners = [], dict[str, str]()
        for folder in folders:
            student = folder.parent.name
            try:
                why = _why_not(folder, student, owners)
                if why is None:
                    self.src_path = glob.escape(str(folder))
                    super().copy_files()
            except (OSError, ValueError) as error:
                failed.append(student)
                why = str(error)
            if why is not None:
                self.log.warning("The feedback for %s was not released: %s.", student, why)
        if failed:
            self.fail(f"Some feedback was not released ({', '.join(failed)}): the lines above say why.")


def _why_not(folder: Path, student: str, owners: dict[str, str]) -> str | None:
    """Why this student's pages cannot be released, else None. Remembers in `owners` whose secret it is."""
    for name in NBGRADERS_OWN:
        path = folder / name
        if not path.is_file() or not path.read_text(errors="replace").strip():
            return (
                f"{path} is missing or empty, since the submission was not collected through nbgrader's"
                " exchange (send the pages yourself)"
            )
    owner = owners.setdefault((folder / "submission_secret.txt").read_text(errors="replace"), student)
    if owner != student:
        return f"its submission_secret.txt is that of {owner}, who could read it (send the pages yourself)"
    return None
