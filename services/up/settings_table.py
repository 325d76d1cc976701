"""The table of settings: `adjutant config`."""

import json
import re
from collections.abc import Iterable

from pydantic import BaseModel
from rich.console import Console
from rich.table import Table

from services.mesh.config import MeshSettings
from services.up.composition import settings_class, settings_from


def print_settings(console: Console, services: Iterable[str]) -> None:
    """Print every setting with its value, where it belongs and what it means."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in ("setting", "value", "of", "meaning"):
        table.add_column(title, overflow="fold", no_wrap=title == "setting")
    of_all = settings_from()
    for name, field in MeshSettings.model_fields.items():
        table.add_row(_variable(name), _written(getattr(of_all, name)), "all", field.description)
    for service in services:
        settings = settings_from(settings_class(service))
        for name, field in type(settings).model_fields.items():
            if name not in MeshSettings.model_fields:
                value = _written(getattr(settings, name))
                table.add_row(_variable(name), value, service, field.description)
    console.print(table)


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
