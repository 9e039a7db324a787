"""What `steno up` consists of: which processes, on which ports, told what."""

import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from infra.local.supervisor import Charge
from shared.config import PREFIX, Config
from shared.errors import SetupError

INSTANCES_MAX: Final = 16
PORT_MAX: Final = 65_535

IsFree = Callable[[int], bool]


@dataclass(frozen=True, slots=True)
class Process:
    """One child: the module of ours that it runs with what arguments, and all the environment it gets.

    Settings and secrets are told by the environment only: any user of the machine can list arguments.
    """

    charge: Charge
    runs: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    health_url: str | None = None
    """Answers 200 once the child serves; without one it serves as soon as it runs."""

    @property
    def name(self) -> str:
        return self.charge.name


def ours(module: str) -> tuple[str, ...]:
    return ("infra.local.tether", module)


def theirs(command: Sequence[str]) -> tuple[str, ...]:
    return ("infra.local.leash", *command)


def plan(config: Config, ports: Sequence[int], environment: Mapping[str, str]) -> list[Process]:
    """One ingest process for each port, and one each of polish and autosave (which sweeps)."""
    told = told_by(config, environment)
    workers = [Process(Charge(name), ours(f"services.{name}.main"), told) for name in ("polish", "autosave")]
    return [*ingest(config, ports, environment), *workers]


def ingest(config: Config, ports: Sequence[int], environment: Mapping[str, str]) -> list[Process]:
    # They share this machine's processors, which none of them knows of the others.
    sessions_max = config.sessions_each(len(ports))
    return [
        Process(
            Charge(f"ingest-{number}", url(config.host, port)),
            ours("services.ingest.main"),
            told_by(config.model_copy(update={"port": port, "sessions_max": sessions_max}), environment),
            f"{url(config.host, port)}/readyz",
        )
        for number, port in enumerate(ports, 1)
    ]


def told_by(config: Config, environment: Mapping[str, str]) -> dict[str, str]:
    """The environment of a child: what we inherited, without settings that may be older than `config`."""
    return {**not_ours(environment), **config.environment()}


def not_ours(environment: Mapping[str, str]) -> dict[str, str]:
    """Without any setting of ours, of which some are secrets."""
    return {name: value for name, value in environment.items() if not name.startswith(PREFIX)}


def choose_ports(
    config: Config, wanted: Sequence[int], instances: int | None, is_free: IsFree
) -> tuple[int, ...]:
    """One port for each instance: those wanted, in order, then free ones after the first.

    Raises SetupError if a wanted port is taken, or none, or the numbers do not fit.
    """
    count = max(1, len(wanted)) if instances is None else instances
    if not 1 <= count <= INSTANCES_MAX:
        raise SetupError(f"--instances is {count}; choose 1 to {INSTANCES_MAX}")
    if len(wanted) > count:
        raise SetupError(
            f"{len(wanted)} ports are given for {count} instances; give one --port an instance at most"
        )
    if len(set(wanted)) < len(wanted):
        raise SetupError("the same --port is given twice; each instance needs its own")
    chosen = list(wanted) or [config.port]
    for port in chosen:
        # Port 0 is any free one: the child would choose, and nobody would know which.
        if not 1 <= port <= PORT_MAX:
            raise SetupError(f"--port is {port}; choose 1 to {PORT_MAX}")
        if not is_free(port):
            raise SetupError(
                f"port {port} of {config.host} is taken; stop what uses it, or choose another with --port"
            )
    free = _free_ports(chosen, is_free)
    while len(chosen) < count:
        chosen.append(next(free))
    return tuple(chosen)


def _free_ports(chosen: Sequence[int], is_free: IsFree) -> Iterator[int]:
    taken = set(chosen)
    for port in range(chosen[0] + 1, PORT_MAX + 1):
        if port not in taken and is_free(port):
            yield port
    raise SetupError("no free port is left after the first; choose a lower one with --port")


def port_is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            # Two sockets may be bound to a port while neither listens.
            probe.listen(1)
        except OSError:
            return False
    return True


def url(host: str, port: int) -> str:
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"
