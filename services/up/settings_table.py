"""The table of settings: `adjutant config`."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Final

from pydantic import BaseModel
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from services.mesh.config import MeshSettings
from services.up.composition import settings_class, settings_from

_TABLE_WIDTH: Final = 180
"""Columns from which on a table is easier to read than one setting below the other."""


def print_settings(console: Console, services: Iterable[str]) -> None:
    """Print every setting with its value, where it belongs and what it means."""
    rows = list(_rows(services))
    if console.width < _TABLE_WIDTH:
        for variable, value, where, meaning in rows:
            console.print(f"{variable}={value}", markup=False, soft_wrap=True)
            console.print(Padding(Text(f"{meaning} ({where})"), (0, 0, 0, 4)))
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("setting", "of", "meaning", "value"):
        table.add_column(title, overflow="fold", no_wrap=title == "setting")
    for variable, value, where, meaning in rows:
        table.add_row(variable, where, meaning, Text(value))
    console.print(table)


def _rows(services: Iterable[str]) -> Iterator[tuple[str, str, str, str]]:
    """Yield each setting's variable, value, where it belongs and what it means."""
    of_all = settings_from()
    for name, field in MeshSettings.model_fields.items():
        yield _variable(name), _written(getattr(of_all, name)), "all", field.description or ""
    for service in services:
        settings = settings_from(settings_class(service))
        for name, field in type(settings).model_fields.items():
            if name not in MeshSettings.model_fields:
                value = _written(getattr(settings, name))
                yield _variable(name), value, service, field.description or ""


def _written(value: object) -> str:
    """Return a value as its variable takes it."""
    value = "" if value is None else value
    if isinstance(value, str):
        value = _PASSWORD.sub("//…@", value)
    return json.dumps(value, default=_plain) if isinstance(value, tuple) else str(value)


_PASSWORD = re.compile(r"//[^/@\s]+@")
"""The user, password or token in a URL, which nobody wants on a screen."""


def _plain(value: object) -> object:
    """Return what JSON has no form for in a form that it has."""
    return value.model_dump(mode="json") if isinstance(value, BaseModel) else str(value)


def _variable(name: str) -> str:
    return f"ADJUTANT_{name.upper()}"
