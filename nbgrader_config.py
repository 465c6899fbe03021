"""nbgrader's settings for this course.

Read by formgrader, by every `nbgrader` command in this folder, and by `autograder`. The class's gradebook is
.autograder/gradebook.db, which git ignores; gradebook.db is the empty one that it is made from. To use another
database, set NBGRADER_DB_URL. For SQLite, end the URL with `?timeout=60`. For PostgreSQL, include the driver
(`postgresql+psycopg://...`).
"""

import importlib.util
import logging
import sys
import warnings
from pathlib import Path

c = get_config()  # provided by traitlets when it loads this file

ROOT = Path(__file__).resolve().parent
if importlib.util.find_spec("autograder") is None:  # not installed: import it from this folder
    sys.path.insert(0, str(ROOT))

from nbgrader.validator import Validator

from autograder.nbgrader_plugins import (
    AUTOGRADE_STEPS,
    RELEASE_STEPS,
    SANITIZE_STEPS,
    class_database_url,
    collect_pattern,
    put_tools_on_path,
    replace_converters,
    say_sentences,
    validate_steps,
)

warnings.filterwarnings("ignore", "Object of type <Submitted")  # nbgrader emits it for every new student
put_tools_on_path()  # nbgrader runs `alembic`

# -- the course -----------------------------------------------------------------------------
c.CourseDirectory.course_id = "nnf"
c.CourseDirectory.root = str(ROOT)
c.CourseDirectory.source_directory = "source"
c.CourseDirectory.release_directory = "release"
c.CourseDirectory.submitted_directory = "submitted"
c.CourseDirectory.autograded_directory = "autograded"
c.CourseDirectory.feedback_directory = "feedback"
c.CourseDirectory.db_url = class_database_url(ROOT)

# -- release: `nbgrader generate_assignment` and `autograder release` -------------------------
c.GenerateAssignment.preprocessors = RELEASE_STEPS
c.NamedStubs.text_stub = "*Write your answer here (about 150 to 250 words).*"

# -- collecting: `nbgrader zip_collect`, within limits and never outside its folder ------------
c.ZipCollectApp.extractor_plugin = "autograder.nbgrader_plugins.archive_extractor.BoundedExtractor"
c.ZipCollectApp.collector_plugin = "autograder.nbgrader_plugins.file_collector.StudentFileCollector"
c.FileNameCollectorPlugin.named_regexp = collect_pattern(ROOT)

# -- grading: `nbgrader autograde`, formgrader's button, `nbgrader validate` -------------------
# Names rather than imports: these modules are slow to load, and only these commands need them.
c.Autograde.exporter_class = "autograder.nbgrader_plugins.autograde_steps.SubmissionExporter"
c.Autograde.sanitize_preprocessors = SANITIZE_STEPS
c.Autograde.autograde_preprocessors = AUTOGRADE_STEPS
Validator._preprocessors_default = validate_steps  # nbgrader has no setting for this
say_sentences(logging.getLogger("ValidateApp"))
replace_converters()  # nor for keeping old files, for students' names and for time zones

# -- feedback and formgrader's pages: nothing in a notebook may run or be fetched ----------------
c.GenerateFeedback.exporter_class = "autograder.feedback.page_exporter.PageExporter"
c.HTMLExporter.preprocessors = ["autograder.feedback.sanitize.SanitizeHtml"]

# -- giving grades back: `nbgrader export`, `nbgrader release_feedback` --------------------------
c.ExportApp.plugin_class = "autograder.nbgrader_plugins.export.CsvExport"
c.ExchangeFactory.release_feedback = "autograder.nbgrader_plugins.release_feedback.ReleaseFeedback"
