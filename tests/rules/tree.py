"""The project as data: its files, what each imports, and its functions. Read once for all rules."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("shared", "services", "client", "infra")
SKIPPED = {
    ".git",
    ".venv",
    "node_modules",
    "__pycache__",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    "models",
}


@dataclass(frozen=True, slots=True)
class Module:
    name: str
    path: Path
    source: str
    tree: ast.Module

    @property
    def imports(self) -> frozenset[str]:
        """Every module named by an import, wherever in the file, the names taken from a package included."""
        return frozenset(_imported(self.tree))

    @property
    def doc(self) -> str:
        return ast.get_docstring(self.tree) or ""

    def imports_any(self, *prefixes: str) -> list[str]:
        return sorted(name for name in self.imports if any(is_within(name, each) for each in prefixes))


def is_within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


@cache
def modules() -> tuple[Module, ...]:
    return tuple(_read(path) for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py")))


def named(name: str) -> Module:
    return next(module for module in modules() if module.name == name)


def within(*packages: str) -> list[Module]:
    found = [module for module in modules() if any(is_within(module.name, package) for package in packages)]
    assert found, f"nothing is left of {packages}"
    return found


def files(*suffixes: str) -> Iterator[Path]:
    for path in sorted(ROOT.rglob("*")):
        parts = set(path.relative_to(ROOT).parts)
        if path.is_file() and not parts & SKIPPED and (not suffixes or path.suffix in suffixes):
            yield path


def _read(path: Path) -> Module:
    source = path.read_text()
    parts = path.relative_to(ROOT).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    return Module(name, path, source, ast.parse(source))


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
