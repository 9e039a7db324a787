"""Who may import whom. A breach reads `importer -> imported`."""

from tests.rules.tree import Module, is_within, modules, named, within

SERVICES = ("services.ingest", "services.polish", "services.autosave")
VENDORS = {
    "sqlite": {"sqlite3"},
    "google": {"google", "grpc"},
    "tink": {"tink"},
}
"""What an adapter may be an adapter to: one of these, or nothing but the standard library."""


def breaches(importers: list[Module], *forbidden: str) -> list[str]:
    return [f"{module.name} -> {name}" for module in importers for name in module.imports_any(*forbidden)]


def test_services_never_import_each_other() -> None:
    for service in SERVICES:
        others = [each for each in SERVICES if each != service]
        assert breaches(within(service), *others) == []


def test_shared_imports_nobody_who_uses_it() -> None:
    assert breaches(within("shared"), "services", "client", "infra", "tests") == []


def test_nothing_imports_the_tests() -> None:
    assert breaches(list(modules()), "tests") == []


def test_client_and_services_do_not_know_each_other() -> None:
    assert breaches(within("client"), "services") == []
    assert breaches(within("services"), "client", "infra") == []


def test_only_wiring_imports_adapters() -> None:
    outside = [each for each in modules() if not is_within(each.name, "shared.adapters")]
    assert breaches([each for each in outside if each.name != "shared.wiring"], "shared.adapters") == []


def test_only_entry_points_and_the_local_stack_compose() -> None:
    users = [
        each.name
        for each in modules()
        if each.imports_any("shared.wiring")
        and not each.name.endswith(".main")
        and not is_within(each.name, "infra.local")
    ]
    assert users == []


def test_an_adapter_speaks_to_one_vendor() -> None:
    for module in within("shared.adapters"):
        met = {vendor for vendor, names in VENDORS.items() if module.imports_any(*names)}
        if module.name == "shared.adapters.kms":
            # What its port is shaped as, whose error is the port's.
            met.discard("tink")
        assert len(met) <= 1, f"{module.name} -> {sorted(met)}"


def test_an_adapter_imports_ports_domain_errors_and_its_kind_only() -> None:
    allowed = ("shared.adapters", "shared.ports", "shared.domain", "shared.errors")
    for module in within("shared.adapters"):
        strays = [
            name
            for name in module.imports_any("shared")
            if not any(is_within(name, each) for each in allowed)
        ]
        assert [name for name in strays if name != "shared"] == [], module.name


def test_ws_knows_no_store_and_no_engine() -> None:
    ws = named("services.ingest.ws")
    assert ws.imports_any("services.ingest.engines", "services.ingest.segmenter", "shared.lease") == []
    assert "shared.ports.Store" not in ws.imports


def test_the_recording_knows_no_web_framework() -> None:
    assert breaches([named("services.ingest.recording")], "starlette", "uvicorn", "websockets") == []


def test_engines_know_no_protocol_and_no_store() -> None:
    engines = within("services.ingest.engines")
    assert breaches(engines, "shared.wire", "services.ingest.connection", "shared.lease", "starlette") == []
    assert [each.name for each in engines if "shared.ports.Store" in each.imports] == []


def test_only_the_recording_knows_engine_segmenter_store_and_events_together() -> None:
    parts = ("services.ingest.engines", "services.ingest.segmenter", "shared.lease", "services.ingest.events")
    knowing = [module.name for module in modules() if all(module.imports_any(part) for part in parts)]
    assert knowing == ["services.ingest.recording"]


def test_no_module_is_part_of_an_import_cycle() -> None:
    graph = {
        each.name: {name for name in each.imports if any(name == other.name for other in modules())}
        for each in modules()
    }
    reached: dict[str, set[str]] = {}

    def reach(name: str, path: tuple[str, ...]) -> set[str]:
        assert name not in path, " -> ".join([*path[path.index(name) :], name])
        if name not in reached:
            reached[name] = set().union(*({each} | reach(each, (*path, name)) for each in graph[name]))
        return reached[name]

    for name in graph:
        reach(name, ())
