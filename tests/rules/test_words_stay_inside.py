"""No word of speech, label or credential where others may read it: log lines, exceptions, addresses, browser storage."""

import ast
import re
from collections.abc import Iterator

from shared.observe import FORBIDDEN
from tests.rules.tree import ROOT, Module, files, modules

LEVELS = frozenset({"debug", "info", "warning", "error", "critical", "exception"})
STORAGE = re.compile(
    r"localStorage|sessionStorage|indexedDB|document\.cookie|caches\.|navigator\.storage", re.I
)


def log_calls(module: Module) -> Iterator[ast.Call]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS:
            target = ast.unparse(node.func.value)
            if re.search(r"\blog\b|logger", target):
                yield node


def test_log_events_are_fixed_sentences() -> None:
    """What varies travels under a name of its own, where `withhold` can see it."""
    varying = [
        f"{module.name}:{call.lineno}"
        for module in modules()
        if module.name != "shared.observe"
        for call in log_calls(module)
        if not (call.args and isinstance(call.args[0], ast.Constant))
    ]
    assert varying == []


def test_no_log_call_names_words_or_credentials() -> None:
    naming = [
        f"{module.name}:{call.lineno} {keyword.arg}"
        for module in modules()
        for call in log_calls(module)
        for keyword in call.keywords
        if keyword.arg in FORBIDDEN or FORBIDDEN & set(_last_names(keyword.value))
    ]
    assert naming == []


def _last_names(node: ast.AST) -> Iterator[str]:
    """The names that say what a value is: of `config.data_dir` only the last."""
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute):
        yield node.attr
        if not isinstance(node.value, ast.Name | ast.Attribute):
            yield from _last_names(node.value)
    else:
        for child in ast.iter_child_nodes(node):
            yield from _last_names(child)


def test_no_exception_says_words_or_credentials() -> None:
    saying = [
        f"{module.name}:{node.lineno}"
        for module in modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)
        for argument in node.exc.args
        if isinstance(argument, ast.JoinedStr)
        for each in ast.walk(argument)
        if isinstance(each, ast.FormattedValue) and FORBIDDEN & set(_last_names(each.value))
    ]
    assert saying == []


def test_services_do_not_print() -> None:
    printing = [
        f"{module.name}:{node.lineno}"
        for module in modules()
        if not module.name.startswith("client")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    ]
    assert printing == []


def test_the_page_keeps_nothing_in_the_browser() -> None:
    page = [
        path
        for path in files(".js", ".html")
        if "recorder" in path.parts and "tests" not in path.relative_to(ROOT).parts
    ]
    assert page
    assert [f"{path.name}: {found[0]}" for path in page if (found := STORAGE.search(path.read_text()))] == []


def test_the_page_writes_no_markup_from_text() -> None:
    page = [
        path
        for path in files(".js")
        if "recorder" in path.parts and "tests" not in path.relative_to(ROOT).parts
    ]
    markup = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function")
    assert [path.name for path in page if markup.search(path.read_text())] == []
