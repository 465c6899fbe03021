"""Settings of stock nbgrader for this course: its own commands and formgrader work with them.

Read by every `nbgrader` command run in this folder, by formgrader, and by `autograder release`.
NBGRADER_DB_URL names another database than gradebook.db; for SQLite end it with `?timeout=60`,
for PostgreSQL spell the driver out (`postgresql+psycopg://...`).
"""

import importlib.util
import os
import sys
from pathlib import Path

c = get_config()  # noqa: F821  -- traitlets puts this name here when it reads the file

ROOT = Path(__file__).resolve().parent
if importlib.util.find_spec("autograder") is None:  # not installed: take it from this folder
    sys.path.insert(0, str(ROOT))

from autograder.generate import put_tools_on_path
from autograder.nbgrader_steps import RELEASE_STEPS

put_tools_on_path()  # nbgrader starts `alembic` by its bare name

# -- the course -----------------------------------------------------------------------------
c.CourseDirectory.course_id = "nnf"
c.CourseDirectory.root = str(ROOT)
c.CourseDirectory.directory_structure = "{nbgrader_step}/{student_id}/{assignment_id}"
c.CourseDirectory.source_directory = "source"
c.CourseDirectory.release_directory = "release"
c.CourseDirectory.submitted_directory = "submitted"
c.CourseDirectory.autograded_directory = "autograded"
c.CourseDirectory.feedback_directory = "feedback"
if os.environ.get("NBGRADER_DB_URL"):  # else gradebook.db in this folder
    c.CourseDirectory.db_url = os.environ["NBGRADER_DB_URL"]

# -- release: `nbgrader generate_assignment` and `autograder release` -------------------------
c.GenerateAssignment.preprocessors = RELEASE_STEPS
c.NameTheTask.text_stub = "*Write your answer here (about 150 to 250 words).*"

# -- grading, feedback, Validate: the engine's preprocessors go here --------------------------
# (c.Autograde.autograde_preprocessors, c.Autograde.sanitize_preprocessors,
#  c.GenerateFeedback.preprocessors, Validator._preprocessors_default)
