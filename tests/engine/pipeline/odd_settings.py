"""Students with settings of their own, and with odd lines above the imports. See odd_class.py."""

from __future__ import annotations

from tests.engine.pipeline.odd_class import PART2, PART3, PART4, Submission, odd

# -- settings ---------------------------------------------------------------------------------------

FLOAT64 = "torch.set_default_dtype(torch.float64)"


@odd()
def float64_in_part_1(mine: Submission) -> None:
    mine.insert(FLOAT64, below="imports")


@odd(PART2)
def float64_in_part_2(mine: Submission) -> None:
    mine.insert(FLOAT64, below="imports")


@odd(PART3)
def float64_in_part_3(mine: Submission) -> None:
    mine.insert(FLOAT64, below="imports")


@odd(PART4)
def float64_in_part_4(mine: Submission) -> None:
    mine.insert(FLOAT64, below="imports")


@odd()
def turns_warnings_into_errors(mine: Submission) -> None:
    mine.insert("import warnings\nwarnings.simplefilter('error')", below="imports")


@odd(PART2)
def turns_warnings_into_errors_in_part_2(mine: Submission) -> None:
    mine.insert("import warnings\nwarnings.filterwarnings('error')", below="imports")


@odd(PART2)
def detects_anomalies(mine: Submission) -> None:
    mine.insert("torch.autograd.set_detect_anomaly(True)", below="imports")


@odd()
def sets_print_options(mine: Submission) -> None:
    mine.insert(
        "torch.set_printoptions(precision=1, sci_mode=False, threshold=2, edgeitems=1)\n"
        "np.set_printoptions(precision=1, suppress=True, threshold=2)",
        below="imports",
    )


@odd()
def numpy_raises(mine: Submission) -> None:
    mine.insert("np.seterr(all='raise')", below="imports")


@odd()
def names_the_default_device(mine: Submission) -> None:
    mine.insert("torch.set_default_device('cpu')", below="imports")


@odd(PART2)
def picks_a_default_device(mine: Submission) -> None:
    mine.insert(
        "device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')\n"
        "torch.set_default_device(device)",
        below="imports",
    )


@odd()
def is_reproducible(mine: Submission) -> None:
    mine.insert(
        "import os, random\n"
        "os.environ['CUBLAS_WORKSPACE_CONFIG'] = ':4096:8'\n"
        "os.environ['KMP_DUPLICATE_LIB_OK'] = 'TRUE'\n"
        "random.seed(0); np.random.seed(0); torch.manual_seed(0)\n"
        "torch.use_deterministic_algorithms(True)\n"
        "torch.backends.cudnn.benchmark = False\n"
        "torch.set_num_threads(1)\n"
        "torch.set_float32_matmul_precision('high')",
        below="imports",
    )


# -- lines above the imports ------------------------------------------------------------------------


@odd(needs="Colab")
def mounts_google_drive(mine: Submission) -> None:
    mine.on_top_of("imports", "from google.colab import drive\ndrive.mount('/content/drive')")


@odd(PART2, needs="Colab")
def uses_more_of_colab(mine: Submission) -> None:
    mine.on_top_of(
        "imports",
        "from google.colab import drive, files, output\nimport os\n"
        "drive.mount('/content/drive', force_remount=True)\n"
        "%cd /content/drive/MyDrive/module6\n"
        "!pip install torch torchvision --quiet\n"
        "!nvidia-smi",
    )


@odd(needs="seaborn")
def imports_seaborn(mine: Submission) -> None:
    """A package that is not installed here, and that no solution uses."""
    mine.on_top_of("imports", "import seaborn as sns\nsns.set_theme()")


@odd(needs="a package")
def imports_a_progress_bar(mine: Submission) -> None:
    mine.on_top_of("imports", "from fancy_progress_bars import bar")


@odd(needs="ipympl")
def uses_matplotlib_widget(mine: Submission) -> None:
    mine.on_top_of("imports", "%matplotlib widget")


@odd(needs="a screen")
def uses_tk(mine: Submission) -> None:
    mine.on_top_of("imports", "import matplotlib\nmatplotlib.use('TkAgg')")


@odd(needs="torchinfo")
def installs_packages(mine: Submission) -> None:
    mine.on_top_of(
        "imports", "%pip install -q torchinfo\n!pip install -q torchinfo\nfrom torchinfo import summary"
    )


@odd(needs="tensorboard")
def loads_tensorboard(mine: Submission) -> None:
    mine.on_top_of("imports", "%load_ext tensorboard\n%load_ext autoreload\n%autoreload 2")
