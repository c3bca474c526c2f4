"""Reading config.toml and the environment, and saying what is wrong with them."""

from __future__ import annotations

import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, Field, SecretStr, ValidationError

from bridge.adapter import Adapter, Secrets, Settings, variable_for
from bridge.config import workspace
from bridge.config.route import Match, Route, fits
from bridge.config.sections import Engine, Media, Section, Server, Slack, Store
from bridge.config.values import Filled, Name, UserId, nearest, several
from bridge.config.workspace import MAIN, Workspace
from bridge.errors import ConfigError

#: the environment variables that are named after no source and no workspace
FIXED = ("DATABASE_URL", "METRICS_TOKEN", "PORT")


@dataclass(frozen=True)
class Source:
    """One configured vendor account."""

    name: str
    adapter: type[Adapter]
    settings: Settings
    secrets: Secrets


@dataclass(frozen=True)
class Config:
    server: Server
    store: Store
    workspaces: Mapping[str, Workspace]
    media: Media
    engine: Engine
    sources: Mapping[str, Source]
    routes: tuple[Route, ...]
    aliases: Mapping[str, str]
    database_url: SecretStr | None
    metrics_tokens: tuple[SecretStr, ...] = ()

    def source(self, name: str) -> Source:
        """The one that a command's `--source` names. Raises `ConfigError`."""
        if (source := self.sources.get(name)) is None:
            raise ConfigError(
                f"there is no source {name!r}",
                where="--source",
                remedy=f"It is one of: {', '.join(self.sources)}",
            )
        return source


class _File(Section):
    """The file's own shape; each source's keys are its adapter's to read."""

    server: Server = Server()
    store: Store = Store()
    slack: Slack = Slack()
    workspaces: dict[Name, Slack] = Field(default_factory=dict)
    media: Media = Media()
    engine: Engine = Engine()
    sources: Annotated[dict[Name, dict[str, Any]], Filled]
    routes: Annotated[tuple[Route, ...], Filled]
    aliases: dict[UserId, Annotated[str, Field(min_length=1, max_length=80)]] = Field(default_factory=dict)


def load(path: Path, environ: Mapping[str, str], adapters: Mapping[str, type[Adapter]]) -> Config:
    """Read `path` and `environ`. Raises `ConfigError` that lists every fault found, a line each."""
    raw = _read(path)
    faults: list[str] = []
    file: _File | None = None
    try:
        file = _File.model_validate(raw)
    except ValidationError as error:
        faults.extend(_faults(error, _File))
    else:
        faults.extend(_gaps(file.routes))
    tables = raw.get("sources")
    if file is not None:
        faults.extend(_unknown(file.routes, file.sources, adapters))
    sources = {
        name: source
        for name, table in (tables.items() if isinstance(tables, dict) else ())
        if isinstance(table, dict) and (source := _source(name, table, environ, adapters, faults)) is not None
    }
    values = {name: value.strip() for name, value in environ.items()}
    workspaces: Mapping[str, Workspace] = {}
    if file is not None:
        workspaces = workspace.read(file.slack, file.workspaces, file.routes, values, faults)
    elif "workspaces" not in raw:  # else nobody knows which are needed
        workspace.read(Slack(), {}, (), values, faults)
    faults.extend(_shared_variables(sources.values(), workspaces))
    port = values.get("PORT")
    if port and not (port.isdecimal() and int(port) <= 65535):
        faults.append(f"environment: PORT is {port!r}, not a port number")
    if faults or file is None:
        raise ConfigError("\n".join(faults), where=str(path))

    return Config(
        server=file.server.model_copy(update={"port": int(port)} if port else {}),
        store=file.store,
        workspaces=workspaces,
        media=file.media,
        engine=file.engine,
        sources=sources,
        routes=file.routes,
        aliases=file.aliases,
        database_url=_secret(values.get("DATABASE_URL")),
        metrics_tokens=several(values.get("METRICS_TOKEN", "")),
    )


def public_url(path: Path) -> str | None:
    """`[server] public_url` alone, for as long as no Slack app has given us secrets. Raises `ConfigError`."""
    try:
        return Server.model_validate(_read(path).get("server", {})).public_url
    except ValidationError as error:
        raise ConfigError("\n".join(_faults(error, Server, "server")), where=str(path)) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            "there is no such file",
            where=str(path),
            remedy="Copy config.example.toml to it, or name another with --config",
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"cannot be read as TOML: {error}", where=str(path)) from None


def _gaps(routes: tuple[Route, ...]) -> Iterable[str]:
    for_all = [index for index, route in enumerate(routes) if route.match == Match()]
    if not for_all:
        yield (
            "routes: no route takes what the others leave; add a last [[routes]] without `match`, "
            "so that no conversation is without a channel"
        )
    elif for_all[0] + 1 < len(routes):
        yield f"routes.{for_all[0] + 1}: is never reached; routes.{for_all[0]} before it has no `match`"


def _unknown(routes: tuple[Route, ...], sources: Iterable[str], vendors: Iterable[str]) -> Iterable[str]:
    """Names in a route's `match` that nothing has: the route would never be taken."""
    for number, route in enumerate(routes):
        for key, patterns, known in (
            ("source", route.match.source, list(sources)),
            ("vendor", route.match.vendor, sorted(vendors)),
        ):
            for pattern in patterns or ():
                if not any(fits(one, pattern) for one in known):
                    near = nearest(pattern.lower(), known) or f"; it is one of: {', '.join(known)}"
                    yield f"routes.{number}.match.{key}: no {key} has the name {pattern!r}{near}"


def _shared_variables(sources: Iterable[Source], workspaces: Iterable[str]) -> Iterable[str]:
    """A secret of one must not be read as another's."""
    wanted: dict[str, list[str]] = defaultdict(list)
    for variable in FIXED:
        wanted[variable].append("the bridge")
    for name in dict.fromkeys((MAIN, *workspaces)):
        for variable in workspace.variables(name):
            wanted[variable].append(f"[{name}]" if name == MAIN else f"workspaces.{name}")
    for source in sources:
        for field in source.adapter.secrets.model_fields:
            wanted[variable_for(source.name, field)].append(f"sources.{source.name}")
    for variable, who in wanted.items():
        if len(who) > 1:
            yield f"environment: {variable} would be read for {' and for '.join(who)}; rename one of them"


def _source(
    name: str,
    table: dict[str, Any],
    environ: Mapping[str, str],
    adapters: Mapping[str, type[Adapter]],
    faults: list[str],
) -> Source | None:
    where = f"sources.{name}"
    options = dict(table)
    vendor = options.pop("vendor", None)
    if not isinstance(vendor, str) or vendor not in adapters:
        known = ", ".join(sorted(adapters))
        given = "no vendor is named" if vendor is None else f"vendor {vendor!r} is not known"
        faults.append(f"{where}.vendor: {given}; it is one of: {known}{nearest(str(vendor), adapters)}")
        return None
    adapter = adapters[vendor]
    before = len(faults)
    values: dict[str, Any] = {}
    for field, info in adapter.secrets.model_fields.items():
        variable = variable_for(name, field)
        if options.pop(field, None) is not None:
            faults.append(f"{where}.{field}: a secret does not belong in the file; set {variable} instead")
        given = environ.get(variable, "").strip()
        if secrets := several(given):
            values[field] = secrets if _takes_several(info.annotation) else SecretStr(given)
        elif info.is_required():
            faults.append(f"environment: {variable} is not set; {info.description or f'{where} needs it'}")
    try:
        settings = adapter.settings.model_validate(options)
    except ValidationError as error:
        faults.extend(_faults(error, adapter.settings, where))
    if len(faults) > before:
        return None
    try:
        return Source(name, adapter, settings, adapter.secrets(**values))
    except ValidationError as error:
        faults.extend(
            f"environment: {variable_for(name, '_'.join(map(str, fault['loc'][:1])))}: {_said(fault['msg'])}"
            for fault in error.errors(include_url=False, include_input=False)
        )
        return None


def _takes_several(annotation: Any) -> bool:
    return SecretStr in get_args(annotation) and Ellipsis in get_args(annotation)


def _secret(value: str | None) -> SecretStr | None:
    return SecretStr(value) if value else None


def _faults(error: ValidationError, model: type[BaseModel], prefix: str = "") -> Iterable[str]:
    """Each fault as `where: what; what to do`. Values are not repeated: one may be a secret."""
    for fault in error.errors(include_url=False, include_input=False):
        path = [str(step) for step in fault["loc"] if step != "[key]"]
        where = ".".join([prefix, *path] if prefix else path)
        if fault["type"] == "extra_forbidden":
            yield f"{where}: unknown key{nearest(path[-1], _keys(model, fault['loc'][:-1]))}"
        else:
            yield f"{where}: {_IN_TOML.get(fault['type']) or _said(fault['msg'])}"


_IN_TOML = {
    "missing": "is missing",
    "dict_type": "is not a table",
    "model_type": "is not a table",
    "tuple_type": "is not a list",
}


def _said(message: str) -> str:
    return message.removeprefix("Value error, ").replace("Input should", "should")


def _keys(model: Any, path: tuple[int | str, ...]) -> list[str]:
    """The keys that `model` knows at `path` inside it."""
    named = False  # by a name that is the operator's
    for step in path:
        if named:
            named = False
            continue
        if isinstance(step, str) and isinstance(model, type) and issubclass(model, BaseModel):
            field = model.model_fields.get(step)
            model = field.annotation if field else None
        while not isinstance(model, type) or not issubclass(model, BaseModel):
            named = named or get_origin(model) is dict
            inner = [one for one in get_args(model) if one not in (type(None), Ellipsis)]
            if not inner:
                return []
            model = inner[-1]
    return list(model.model_fields) if isinstance(model, type) and issubclass(model, BaseModel) else []
