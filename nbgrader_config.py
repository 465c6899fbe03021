"""Settings of stock nbgrader for this course: its own commands and formgrader work with them.

Read by every `nbgrader` command run in this folder, by formgrader, and by `autograder release`.
NBGRADER_DB_URL names another database than gradebook.db; for SQLite end it with `?timeout=60`,
for PostgreSQL spell the driver out (`postgresql+psycopg://...`).
"""

import importlib.util
import logging
import os
import sys
import warnings
from pathlib import Path

c = get_config()  # traitlets puts this name here when it reads the file

ROOT = Path(__file__).resolve().parent
if importlib.util.find_spec("autograder") is None:  # not installed: take it from this folder
    sys.path.insert(0, str(ROOT))

from nbgrader.validator import Validator

from autograder.nbgrader_glue.config import put_tools_on_path
from autograder.nbgrader_glue.logs import say_sentences
from autograder.nbgrader_plugins.steps import AUTOGRADE_STEPS, RELEASE_STEPS, SANITIZE_STEPS, validate_steps

warnings.filterwarnings("ignore", "Object of type <Submitted")  # nbgrader's, at a new student
put_tools_on_path()  # nbgrader starts `alembic` by its bare name

# -- the course -----------------------------------------------------------------------------
c.CourseDirectory.course_id = "nnf"
c.CourseDirectory.root = str(ROOT)
c.CourseDirectory.source_directory = "source"
c.CourseDirectory.release_directory = "release"
c.CourseDirectory.submitted_directory = "submitted"
c.CourseDirectory.autograded_directory = "autograded"
c.CourseDirectory.feedback_directory = "feedback"
if os.environ.get("NBGRADER_DB_URL"):  # else gradebook.db in this folder
    c.CourseDirectory.db_url = os.environ["NBGRADER_DB_URL"]

# -- release: `nbgrader generate_assignment` and `autograder release` -------------------------
c.GenerateAssignment.preprocessors = RELEASE_STEPS
c.NamedStubs.text_stub = "*Write your answer here (about 150 to 250 words).*"

# -- collecting: `nbgrader zip_collect`, within bounds and never outside its folder ------------
c.ZipCollectApp.extractor_plugin = "autograder.nbgrader_plugins.archive_extractor.BoundedExtractor"

# -- grading: `nbgrader autograde`, formgrader's button, `nbgrader validate` -------------------
# Names, not imports: the engine brings torch, which only these commands need.
c.Autograde.exporter_class = "autograder.nbgrader_plugins.autograde_steps.SubmissionExporter"
c.Autograde.sanitize_preprocessors = SANITIZE_STEPS
c.Autograde.autograde_preprocessors = AUTOGRADE_STEPS
Validator._preprocessors_default = validate_steps  # nbgrader offers no setting for it
say_sentences(logging.getLogger("ValidateApp"))

# -- feedback, and the notebooks that formgrader shows: nothing in them may run ----------------
c.GenerateFeedback.exporter_class = "autograder.feedback.pages.PageExporter"
c.HTMLExporter.preprocessors = ["autograder.feedback.sanitize.SanitizeHtml"]
