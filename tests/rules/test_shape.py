"""Files and functions stay small enough to be read whole; broad catches stay at the entry points."""

import ast
from collections.abc import Iterator

from tests.rules.tree import ROOT, Module, modules

MODULE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60
PARAMETERS_MAX = 6
BROAD = frozenset({"Exception", "BaseException"})

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions(module: Module) -> Iterator[Function]:
    return (node for node in ast.walk(module.tree) if isinstance(node, Function))


def test_no_module_holds_two_ideas() -> None:
    long = {each.name: len(each.source.splitlines()) for each in modules()}
    assert {name: lines for name, lines in long.items() if lines > MODULE_LINES_MAX} == {}


def test_no_function_outgrows_a_screen() -> None:
    long = [
        f"{module.name}:{function.name}"
        for module in modules()
        for function in functions(module)
        if (function.end_lineno or 0) - function.lineno >= FUNCTION_LINES_MAX
    ]
    assert long == []


def test_few_functions_take_many_parameters() -> None:
    """Options of a command are parameters too, so a hundredth of all functions may have more."""
    every = [(module.name, function) for module in modules() for function in functions(module)]
    many = [f"{name}:{function.name}" for name, function in every if _parameters(function) > PARAMETERS_MAX]
    assert len(many) <= len(every) // 100, many


def _parameters(function: Function) -> int:
    given = function.args
    names = [each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")])


def test_only_entry_points_catch_everything() -> None:
    """A catch that always raises again, to clean up, catches nothing."""
    broad = [
        f"{module.name}:{node.lineno}"
        for module in modules()
        if not module.name.endswith(".main")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.ExceptHandler)
        and _is_broad(node)
        and not isinstance(node.body[-1], ast.Raise)
    ]
    assert broad == []


def _is_broad(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    return any(isinstance(node, ast.Name) and node.id in BROAD for node in ast.walk(handler.type))


def test_every_module_says_what_it_is() -> None:
    silent = [each.name for each in modules() if each.source.strip() and not each.doc]
    assert silent == []


def test_every_folder_of_tests_is_a_package() -> None:
    folders = {path.parent for path in (ROOT / "tests").rglob("*.py")}
    assert [str(each.relative_to(ROOT)) for each in folders if not (each / "__init__.py").exists()] == []


def test_what_can_grow_has_a_bound() -> None:
    """Queues between tasks state theirs where they are made."""
    unbounded = [
        f"{module.name}:{node.lineno}"
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call)
        and ast.unparse(node.func) in ("asyncio.Queue", "queue.Queue", "queue.SimpleQueue")
        and not node.args
        and not node.keywords
    ]
    # Events of the supervisor's own children: each has at most three of them waiting.
    assert [each for each in unbounded if not each.startswith("infra.local.processes:")] == []
