"""What is installed: a program, and a typed package that imports little."""

from __future__ import annotations

import ast
import importlib.metadata
import inspect
import re
import subprocess
import sys
import types
import typing
from pathlib import Path

import pytest

import bascule
import bascule.data
from bascule import _core, progress, reports
from conftest import BINARY, GOLDEN, command_line

LLAMA = GOLDEN / "llama" / "hf"
PACKAGE = Path(bascule.__file__).parent


def test_the_program_is_the_compiled_one(tmp_path: Path) -> None:
    assert BINARY.read_bytes()[:4] == b"\x7fELF"
    done = command_line("--version", folder=tmp_path)
    assert done.stdout == f"bascule {bascule.__version__}\n"
    assert importlib.metadata.version("bascule") == bascule.__version__


def test_it_imports_python_alone(tmp_path: Path) -> None:
    code = f"""
import sys
before = set(sys.modules)
import bascule
print(*sorted({{name.partition(".")[0] for name in set(sys.modules) - before}}))
bascule.import_checkpoint({str(LLAMA)!r}, "ck")
print(*sorted({{name.partition(".")[0] for name in set(sys.modules) - before}}))
"""
    for flag in ("-I", "-W error"):
        done = subprocess.run(
            [sys.executable, *flag.split(" ", 1), "-c", code.replace('"ck"', f'"ck{flag}"')],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        at_import, in_use = (set(line.split()) for line in done.stdout.splitlines())
        assert at_import - set(sys.stdlib_module_names) == {"bascule"}
        assert in_use == at_import
        assert not at_import & {"asyncio", "logging", "multiprocessing", "socket", "subprocess"}


def test_its_modules_are_there_without_being_imported(tmp_path: Path) -> None:
    code = """
import sys
import bascule
assert not {"bascule.data", "bascule.recipes", "bascule.training"} & set(sys.modules)
print(bascule.recipes.llama.llama32_1b_pretrain_config().model.num_layers)
print(bascule.data.tokenize.__name__, bascule.training.Callback.__name__)
"""
    done = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout == "16\ntokenize Callback\n"


@pytest.mark.parametrize(
    ("function", "verb"),
    [
        (bascule.import_checkpoint, "import"),
        (bascule.export_checkpoint, "export"),
        (bascule.verify, "verify"),
        (bascule.inspect, "inspect"),
        (bascule.plan, "plan"),
    ],
)
def test_keywords_are_the_options_of_the_verb(
    function: typing.Callable[..., object], verb: str, tmp_path: Path
) -> None:
    shown = command_line(verb, "--help", folder=tmp_path).stdout
    options = {
        name.replace("-", "_") for name in re.findall(r"^ +--([a-z-]+)", shown, re.MULTILINE)
    }
    options -= {"help", "json", "quiet", "tensors"}
    names = {"verify": "no_verify", "ignore_keys": "ignore_key"}
    arguments = inspect.signature(function).parameters.values()
    keywords = {each.name for each in arguments if each.kind is each.KEYWORD_ONLY} - {"progress"}
    if verb == "plan":
        keywords.add("to")
    assert {names.get(name, name) for name in keywords} == options
    documented = set(re.findall(r"^        (\w+): ", inspect.getdoc(function) or "", re.MULTILINE))
    documented |= set(re.findall(r"^    (\w+): ", inspect.getdoc(function) or "", re.MULTILINE))
    assert documented >= set(inspect.signature(function).parameters)


def stub(name: str = "") -> dict[str, ast.FunctionDef]:
    """The functions of the extension, or of one of its classes."""
    body = ast.parse((PACKAGE / "_core.pyi").read_text()).body
    classes = {node.name: node for node in body if isinstance(node, ast.ClassDef)}
    inside = classes[name].body if name else body
    return {node.name: node for node in inside if isinstance(node, ast.FunctionDef)}


def returned(node: ast.FunctionDef, given: object) -> None:
    returns = eval(
        ast.unparse(node.returns or ast.Constant(None)), {"bascule": bascule, **vars(_core)}
    )
    expected = typing.get_origin(returns) or returns
    if expected is types.UnionType:
        assert type(given) in typing.get_args(returns)
    else:
        assert expected is object or type(given) is (expected or type(None))


def test_the_stub_promises_what_is_there() -> None:
    listener = progress.listener(None)
    calls: dict[str, tuple[object, ...]] = {
        "exit_code": ("format",),
        "import_checkpoint": (LLAMA, "ck", {}, listener, False),
        "export_checkpoint": ("ck", "hf", {}, listener, False),
        "verify_checkpoint": ("ck", {}, listener, False),
        "verify_checkpoints": ("ck", "hf", {}, listener, False),
        "inspect": ("ck", {}),
        "plan": (LLAMA, {"to": "megatron"}),
        "models": (),
        "doctor": (),
        "recipe_names": (),
        "recipe_about": ("llama32_1b",),
        "did_you_mean": ("llama", ("llame",)),
        "tokenizing": ({},),
        "tokenizer_directory": (LLAMA,),
        "end_of_sequence": (LLAMA,),
    }
    classes = {"DatasetBuild", "ProgressLine"}
    promised = stub()
    assert (
        set(calls)
        == set(promised)
        == {name for name in vars(_core) if name[0] != "_"}
        - {"version", "torch_version", "Configuration"}
        - classes
    )
    for name, arguments in calls.items():
        node = promised[name]
        assert not node.args.args
        assert len(node.args.posonlyargs) == len(arguments)
        returned(node, getattr(_core, name)(*arguments))
    for each in ast.parse((PACKAGE / "_core.pyi").read_text()).body:
        if isinstance(each, ast.ClassDef) and each.name in classes:
            classes.remove(each.name)
            methods = {method.name for method in each.body if isinstance(method, ast.FunctionDef)}
            there = {name for name in vars(getattr(_core, each.name)) if name[0] != "_"}
            assert methods - {"__init__"} == there
    assert not classes


def test_the_stub_promises_the_configuration() -> None:
    Path("run.yaml").write_text("base: llama32_1b\n")
    calls: dict[str, tuple[object, ...]] = {
        "read": ("run.yaml",),
        "copy": (),
        "names": ("train",),
        "get": ("train.train_iters",),
        "set": ("train.train_iters", 3),
        "yaml": (),
        "annotated": (),
        "resolved": (),
        "check_model": (),
    }
    promised = stub("Configuration")
    methods = {name for name in vars(_core.Configuration) if name[0] != "_"}
    assert {*calls, "__init__"} == set(promised) == methods | {"__init__"}
    configuration = _core.Configuration("base: llama32_1b\n", "here")
    for name, arguments in calls.items():
        returned(promised[name], getattr(configuration, name)(*arguments))


def test_every_field_has_the_type_that_it_says() -> None:
    bascule.import_checkpoint(LLAMA, "ck")
    Path("a.txt").write_text("a text")
    values = [
        bascule.import_checkpoint(LLAMA, "again"),
        bascule.verify("ck", "again"),
        bascule.verify("ck"),
        bascule.inspect("ck"),
        bascule.plan("ck", "hf"),
        bascule.doctor(),
        reports.Gpu("some", None),
        _core.tokenizing({}),
        bascule.data.tokenize("a.txt", LLAMA, "tokens"),
        *bascule.models(),
    ]
    seen: set[type] = set()

    def check(value: object, expected: typing.Any) -> None:  # noqa: ANN401
        origin, parts = typing.get_origin(expected), typing.get_args(expected)
        if origin is tuple:
            assert type(value) is tuple
            for each in value:
                check(each, parts[0])
        elif origin is dict:
            assert type(value) is dict
            for key, each in value.items():
                check(key, parts[0])
                check(each, parts[1])
        elif parts:  # a union
            assert type(value) in parts
        else:
            assert type(value) is expected
            for name, hint in typing.get_type_hints(expected).items():
                if expected.__module__ == "bascule.reports" and expected is not bascule.Verdict:
                    seen.add(expected)
                    check(getattr(value, name), hint)

    for value in values:
        check(value, type(value))
    assert seen == {
        each for each in vars(reports).values() if hasattr(each, "__dataclass_fields__")
    }


def test_all_that_is_public_is_documented() -> None:
    assert (PACKAGE / "py.typed").is_file()
    assert bascule.__all__ == sorted(bascule.__all__)
    for name in bascule.__all__:
        if name != "__version__":
            assert (inspect.getdoc(getattr(bascule, name)) or "").count(" ") > 2, name
