"""config.example.toml is valid as it stands, and the reference: every key, every default, every variable.

In it a comment begins with `# `, a key that is commented out with `#`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from bridge import config
from bridge.adapter import variable_for
from bridge.config import Config, Engine, Match, Media, Retry, Route, Section, Server, Slack, Store
from bridge.registry import adapters

AS_IT_STANDS = (Path(__file__).parent.parent / "config.example.toml").read_text(encoding="utf-8")
EVERY_KEY = re.sub(r"^#(?=\S)", "", AS_IT_STANDS, flags=re.MULTILINE)
VENDORS = adapters()
SECTIONS = {"server": Server, "store": Store, "slack": Slack, "media": Media, "engine": Engine}


def secrets_of(text: str) -> list[str]:
    return [
        variable_for(name, field)
        for name, table in tomllib.loads(text)["sources"].items()
        for field in VENDORS[table["vendor"]].secrets.model_fields
    ]


NEEDED = ["SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET", *secrets_of(AS_IT_STANDS)]
OPTIONAL = {"SLACK_APP_TOKEN", "DATABASE_URL", "PORT", "METRICS_TOKEN", "BRIDGE_ENCRYPTION_KEYS"}
VARIABLES = {*NEEDED, *OPTIONAL}


def load(text: str, folder: Path) -> Config:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    given = dict.fromkeys((*NEEDED, "EMEA_SLACK_BOT_TOKEN"), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    return config.load(path, given, VENDORS)


def tables(text: str) -> Iterator[tuple[type[BaseModel], dict[str, Any]]]:
    """Each table in `text` with the model that reads it."""
    file = tomllib.loads(text)
    for key, model in SECTIONS.items():
        yield model, file[key]
    for key in ("to_slack", "to_vendor"):
        yield Retry, file["engine"][key]
    for route in file["routes"]:
        yield Route, route
        yield Match, route.get("match", {})
    for source in file["sources"].values():
        yield VENDORS[source["vendor"]].settings, source


def writable(model: type[BaseModel]) -> set[str]:
    """The keys that have a default which TOML can say."""
    fields = model.model_fields.items()
    return {
        key
        for key, field in fields
        if not field.is_required() and not isinstance(field.get_default(), BaseModel | None)
    }


def test_it_loads_as_it_stands(tmp_path: Path) -> None:
    loaded = load(AS_IT_STANDS, tmp_path)

    assert {name: source.adapter.vendor for name, source in loaded.sources.items()} == {
        "acme-ada": "ada",
        "acme-gptbots": "gptbots",
        "acme-moveo": "moveo",
    }
    assert [route.match == Match() for route in loaded.routes] == [False, True]


def test_what_is_commented_out_is_the_default(tmp_path: Path) -> None:
    shown, spelt = load(AS_IT_STANDS, tmp_path), load(EVERY_KEY, tmp_path)

    sections: dict[str, Section] = {key: getattr(spelt, key) for key in SECTIONS if key != "slack"}
    assert {key: said(one) for key, one in sections.items()} == {
        key: one() for key, one in SECTIONS.items() if key != "slack"
    }
    assert {name: one.slack for name, one in spelt.workspaces.items()} == {"slack": Slack(), "emea": Slack()}
    assert [settings(one) for one in shown.routes] == [settings(one) for one in spelt.routes]
    for name, source in shown.sources.items():
        assert settings(source.settings) == settings(spelt.sources[name].settings)


def said(section: BaseModel) -> BaseModel:
    """`section` without the keys whose default TOML cannot say."""
    silent = (key for key, field in type(section).model_fields.items() if field.get_default() is None)
    return section.model_copy(update=dict.fromkeys(silent))


def settings(model: BaseModel) -> dict[str, Any]:
    return {key: getattr(model, key) for key in writable(type(model))}


MODELS = list(dict(tables(AS_IT_STANDS)))


@pytest.mark.parametrize("model", MODELS)
def test_every_key_is_in_it(model: type[BaseModel]) -> None:
    assert set(model.model_fields) <= {
        key for one, table in tables(EVERY_KEY) if one is model for key in table
    }


@pytest.mark.parametrize("model", MODELS)
def test_every_default_is_in_it(model: type[BaseModel]) -> None:
    pairs = zip(tables(EVERY_KEY), tables(AS_IT_STANDS), strict=True)
    commented = {
        key for (one, every), (_, set_) in pairs if one is model for key in every.keys() - set_.keys()
    }

    assert writable(model) <= commented


def test_every_section_is_in_it() -> None:
    assert {model for model in Section.__subclasses__() if not model.__name__.startswith("_")} <= set(MODELS)


def test_every_variable_is_in_it_and_no_other() -> None:
    assert set(re.findall(r"^#   ([A-Z][A-Z_]+)\b", AS_IT_STANDS, re.MULTILINE)) == VARIABLES
