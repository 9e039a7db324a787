"""The core takes values and a time and returns values: it imports nothing that has a clock, a socket or chance in it."""

from tests.rules.tree import is_within, modules

PURE = (
    "shared.domain",
    "shared.wire",
    "shared.adapters.retries",
    "services.ingest.connection",
    "services.ingest.cadence",
    "services.ingest.upstream",
    "services.ingest.events",
    "services.ingest.segmenter",
    "services.ingest.commits",
    "services.ingest.inbox",
    "services.ingest.catch_up",
    "services.ingest.export",
    "services.ingest.remarks",
    "services.ingest.engines.remote_failures",
    "services.ingest.engines.remote_pace",
    "services.ingest.engines.remote_positions",
    "services.ingest.engines.whisper.endpointer",
    "services.polish.polishers.rules",
    "services.polish.prompt",
    "services.polish.guard",
    "services.polish.guard_reading",
    "services.polish.guard_words",
    "services.autosave.draft",
    "client.cuts",
    "client.pace",
    "client.patience",
    "client.tape",
    "client.delivery",
    "client.dialling",
    "client.events",
    "client.link",
    "client.link_state",
    "client.records",
    "infra.local.supervisor",
)
IMPURE = frozenset(
    "asyncio concurrent contextvars datetime http io logging multiprocessing os pathlib queue random secrets select"
    " shutil signal socket sqlite3 ssl subprocess sys tempfile threading time urllib uuid".split()
)
OURS = frozenset({"shared", "services", "client", "infra"})
STANDARD = frozenset(
    "__future__ abc bisect collections dataclasses enum functools hashlib heapq itertools json math operator re string"
    " struct types typing unicodedata".split()
)
WIRE_TYPES = frozenset({"msgspec"})
"""What defines the types of messages, which both ends of the protocol speak in."""


def breaches() -> list[str]:
    return [
        f"{module.name} -> {name}"
        for module in modules()
        if any(is_within(module.name, pure) for pure in PURE)
        for name in sorted(module.imports)
        if name.partition(".")[0] not in STANDARD | OURS | WIRE_TYPES
    ]


def test_nothing_impure_reaches_the_core() -> None:
    assert breaches() == []


def test_the_core_names_modules_that_exist() -> None:
    names = {module.name for module in modules()}
    assert [pure for pure in PURE if pure not in names] == []


def test_the_core_uses_only_what_is_itself_free_of_input_and_output() -> None:
    impure = {
        module.name for module in modules() if IMPURE & {name.partition(".")[0] for name in module.imports}
    }
    reaching = [
        f"{module.name} -> {name}"
        for module in modules()
        if any(is_within(module.name, pure) for pure in PURE)
        for name in sorted(module.imports)
        if name in impure
    ]
    assert reaching == []


def test_no_core_module_waits() -> None:
    waiting = [
        module.name
        for module in modules()
        if any(is_within(module.name, pure) for pure in PURE)
        and ("async def" in module.source or "await " in module.source)
    ]
    assert waiting == []
