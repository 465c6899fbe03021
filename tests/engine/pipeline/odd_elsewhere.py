"""Students who worked on a computer, or in an order, that is not the grader's. See odd_class.py."""

from __future__ import annotations

import io
import json
import pickle
import zipfile

from tests.engine.pipeline.odd_class import PART3, Submission, odd

PAIRS, LAYERS_OF = "zip(architecture, architecture[1:])", "layers_of(architecture)"
HELPER = b"def layers_of(sizes):\n    return list(zip(sizes, sizes[1:]))\n"

# -- cells that ran in another order than they stand, and state that a later cell changes -----------


@odd(fails_in_jupyter=("count_params",))
def runs_a_helper_from_below_first(mine: Submission) -> None:
    """A helper below the test cell, which the execution counts show to have run before it."""
    mine.swap("count_params", PAIRS, LAYERS_OF)
    mine.insert(HELPER.decode(), below="count_params")["execution_count"] = 2
    mine.cell("count_params")["execution_count"] = 4


@odd(fails_in_jupyter=("count_params",))
def moves_a_solution_below_its_test(mine: Submission) -> None:
    """Alt and the down key move a cell."""
    moved = mine.cell("count_params_solution")
    mine.remove("count_params_solution")
    mine.paste(moved, below="count_params")


@odd(PART3)
def names_two_classes_alike(mine: Submission) -> None:
    """A second class of the same name, whose `super(MLP, self)` the first one would find."""
    mine.swap("mlp", "super().__init__()", "super(MLP, self).__init__()")
    mine.insert(
        "class MLP(nn.Module):\n    def __init__(self):\n        super(MLP, self).__init__()\n"
        "        self.fc = nn.Linear(1, 1)\n\nmodel = MLP()",
        below="mlp",
    )


@odd()
def changes_torch_at_the_end(mine: Submission) -> None:
    """Functions and methods of the libraries are replaced, and an answer is changed in place."""
    mine.insert(
        "torch.exp = lambda x: x\nF.logsigmoid = F.cross_entropy = None\ntorch.Tensor.sum = None\n"
        "nn.ReLU = nn.Identity\nmath.exp = 3\nCLAIMS.clear()"
    )


@odd()
def asks_threads_that_wait(mine: Submission) -> None:
    """A pool that was made above, and a queue; a copy of the process would have neither's threads."""
    mine.insert(
        "import queue, threading\nfrom concurrent.futures import ThreadPoolExecutor\n"
        "POOL, jobs, done = ThreadPoolExecutor(2), queue.Queue(), queue.Queue()\n"
        "def double():\n    while True:\n        done.put(jobs.get() * 2)\n"
        "threading.Thread(target=double, daemon=True).start()\n"
        "print(list(POOL.map(abs, [-1, 2])))",
        below="imports",
    )
    mine.swap(
        "count_params",
        "return sum((inputs + bool(bias)) * outputs for inputs, outputs in pairs)",
        "jobs.put(1)\n    assert done.get() == 2\n"
        "    return sum(POOL.map(lambda pair: (pair[0] + bool(bias)) * pair[1], pairs))",
    )


@odd(fails_in_jupyter=("count_params", "claims"))
def turns_solutions_into_text(mine: Submission) -> None:
    """The keys `m` and `r` were meant for the cell's text, after it had run."""
    for name, kind in (("count_params_solution", "raw"), ("claims_solution", "markdown")):
        cell = mine.cell(name)
        cell["cell_type"] = kind
        del cell["outputs"], cell["execution_count"]


# -- files -----------------------------------------------------------------------------------------------


@odd()
def hands_in_a_folder(mine: Submission) -> None:
    """The notebook and its helper are in a subfolder, as an archive of a folder leaves them."""
    mine.rename("homework 6/part1_neurons.ipynb")
    mine.files["homework 6/helper.py"] = HELPER
    mine.files["homework 6/net.json"] = b'{"one": 1}'
    mine.on_top_of("count_params_solution", "from helper import layers_of\nimport json\n")
    mine.swap("count_params", PAIRS, LAYERS_OF)
    mine.swap("count_params", "bool(bias)", "bool(bias) * json.load(open('net.json'))['one']")


@odd()
def runs_programs(mine: Submission) -> None:
    """`!python` is the Python of the notebook, with its packages."""
    mine.files["made.py"] = (
        b"import torch, json\njson.dump([1], open('one.json', 'w'))\nprint(int(torch.ones(1)))\n"
    )
    mine.insert(
        "printed = !python made.py\nimport json, subprocess, sys\nONE = json.load(open('one.json'))[0] * int(printed[-1])\n"
        "subprocess.run([sys.executable, 'made.py'], check=True)",
        above="count_params_solution",
    )
    mine.swap("count_params", "bool(bias)", "bool(bias) * ONE")


@odd()
def reads_archives_and_pickles(mine: Submission) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("packed.py", HELPER)
    mine.files["lib.zip"] = packed.getvalue()
    mine.files["claims.pkl"] = pickle.dumps({key: key in "bcehj" for key in "abcdefghij"})
    mine.solve("claims", "import pickle, sys\nCLAIMS = pickle.load(open('claims.pkl', 'rb'))")
    mine.on_top_of("count_params_solution", "sys.path.insert(0, 'lib.zip')\nfrom packed import layers_of\n")
    mine.swap("count_params", PAIRS, LAYERS_OF)


@odd()
def rewrites_a_module(mine: Submission) -> None:
    """A module is written and imported, then written and imported again."""
    mine.insert("%%writefile again.py\ndef layers_of(sizes):\n    return []", above="count_params_solution")
    mine.insert("import importlib, again", above="count_params_solution")
    mine.insert(f"%%writefile again.py\n# better\n{HELPER.decode()}", above="count_params_solution")
    mine.on_top_of("count_params_solution", "importlib.reload(again)\nfrom again import layers_of\n")
    mine.swap("count_params", PAIRS, LAYERS_OF)


@odd()
def has_files_named_like_libraries(mine: Submission) -> None:
    """Only `utils` is imported: the others are loaded long before, in Jupyter too."""
    for name in ("random.py", "token.py"):
        mine.files[name] = b""
    mine.files["utils.py"] = HELPER
    mine.files["counts.json"] = json.dumps({"runs": 1}).encode()
    mine.on_top_of("count_params_solution", "from utils import layers_of\n")
    mine.swap("count_params", PAIRS, LAYERS_OF)


# -- what is not installed, or not there -----------------------------------------------------------------


@odd(needs="packages")
def plots_above_a_solution(mine: Submission) -> None:
    """Missing packages are used in the solution's own cell, above it, in lines of every kind."""
    mine.on_top_of(
        "count_params_solution",
        "import seaborn as sns\nfrom alive_progress import alive_it\nimport pytorch_lightning as pl\n"
        "from torch.utils.tensorboard import SummaryWriter\n"
        "colors, writer = sns.color_palette('dark'), SummaryWriter('runs')\ncolors[0]\n"
        "for step in alive_it(range(3)):\n    writer.add_scalar('step', step)\n"
        "with sns.axes_style('dark'):\n    plt.plot([1])\n"
        "class Lit(pl.LightningModule):\n    pass\nlit = Lit()\n",
    )


@odd(needs="a GPU")
def sets_the_tensor_type_of_a_gpu(mine: Submission) -> None:
    mine.insert("torch.set_default_tensor_type('torch.cuda.FloatTensor')", below="imports")


@odd(PART3, needs="a GPU")
def uses_a_gpu_everywhere(mine: Submission) -> None:
    """The usual lines, some of which fail on a machine without a GPU."""
    mine.insert("assert torch.cuda.is_available(), 'choose a GPU runtime'", below="imports")
    mine.insert(
        "torch.set_default_device('cuda')\ntorch.cuda.set_device(0)\nprint(torch.cuda.get_device_name(0))",
        below="imports",
    )
    mine.insert(
        "device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')\n"
        "torch.cuda.empty_cache(); torch.cuda.manual_seed_all(0)\n"
        "torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False\n"
        "torch.backends.cuda.matmul.allow_tf32 = True\n"
        "scaler = torch.amp.GradScaler(enabled=device.type == 'cuda')",
        below="imports",
    )
    mine.swap(
        "train_one_epoch",
        "        batch_mean = criterion(model(inputs), targets)\n        batch_mean.backward()\n        optimizer.step()",
        "        with torch.autocast('cuda', enabled=torch.cuda.is_available()):\n"
        "            batch_mean = criterion(model(inputs), targets)\n"
        "        scaler.scale(batch_mean).backward()\n        scaler.step(optimizer)\n        scaler.update()",
    )
    mine.swap("train_one_epoch", "inputs.to(device)", "inputs.to(device, non_blocking=True)")
    mine.swap(
        "evaluate",
        "    model.eval()",
        "    if torch.cuda.is_available():\n        torch.cuda.synchronize()\n    model.eval()",
    )


@odd()
def sets_the_process_up(mine: Submission) -> None:
    """Settings of Python and of the process that last, in the notebook of somebody who likes control."""
    mine.insert(
        "import asyncio, decimal, gc, os, signal, sys, time\n"
        "sys.setrecursionlimit(200); sys.setswitchinterval(1e-4); gc.disable()\n"
        "decimal.getcontext().prec = 2\n"
        "signal.signal(signal.SIGALRM, lambda *_: None); signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "os.environ.clear(); os.environ['TZ'] = 'Europe/Berlin'; os.umask(0o077)\n"
        "os.makedirs('work', exist_ok=True); os.chdir('work')\n"
        "sys.excepthook = sys.displayhook = lambda *_: None\n"
        "torch.multiprocessing.set_sharing_strategy('file_system')\n"
        "grad = torch.enable_grad(); grad.__enter__()\n"
        "await asyncio.sleep(0)",
        below="imports",
    )
