"""The records and functions of `wit/interceptor.wit` that the SDK uses, by their names there. `tests/test_contract.py` compares the two.

In a component the generated bindings stand behind them: they take any object that has the fields.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


@dataclass
class Column:
    """Values back to back; `nulls` names, ascending, the events whose value is absent."""

    bytes: bytes
    ends: list[int]
    nulls: list[int]


@dataclass
class NumberColumn:
    """Numbers; `nulls` names, ascending, the events that have none."""

    values: list[float]
    nulls: list[int]


@dataclass
class HeaderTable:
    """Event i has the next `counts[i]` entries of `names` and `values`."""

    counts: list[int]
    names: Column
    values: Column


@dataclass
class Span:
    """A piece of the edits' bytes."""

    offset: int
    len: int


@dataclass
class Edit:
    """A piece that is about an event."""

    event: int
    at: Span


@dataclass
class HeaderEdit:
    """A header of an event."""

    event: int
    name: Span
    value: Span


@dataclass
class Derived:
    """A new event right after `event`."""

    event: int
    body: Span
    headers: list[tuple[Span, Span]]


@dataclass
class Edits:
    """What an interceptor did to a batch."""

    discards: list[int] = field(default_factory=list)
    rejects: list[Edit] = field(default_factory=list)
    set_headers: list[HeaderEdit] = field(default_factory=list)
    remove_headers: list[Edit] = field(default_factory=list)
    set_keys: list[Edit] = field(default_factory=list)
    clear_keys: list[int] = field(default_factory=list)
    set_bodies: list[Edit] = field(default_factory=list)
    clear_bodies: list[int] = field(default_factory=list)
    derived: list[Derived] = field(default_factory=list)
    bytes: bytes = b""


class Batch(Protocol):
    """Where columns come from and edits go: the host, or a test."""

    def len(self) -> int: ...
    def timestamps(self) -> list[int]: ...
    def keys(self) -> Column: ...
    def bodies(self) -> Column: ...
    def body_ranges(self, offset: int, len: int) -> Column: ...
    def header(self, name: str) -> Column: ...
    def headers(self) -> HeaderTable: ...
    def json_texts(self, pointer: str) -> Column: ...
    def json_numbers(self, pointer: str) -> NumberColumn: ...
    def apply(self, edits: Edits) -> None: ...


@dataclass
class Parameter:
    """A setting, as the host sees it."""

    name: str
    description: str
    required: bool
    default: str | None


@dataclass
class Description:
    """A plugin, as the host sees it."""

    name: str
    version: str
    parameters: list[Parameter]


class Interceptor(Protocol):
    """What the host calls."""

    def describe(self) -> Description: ...
    def configure(self, settings: list[tuple[str, str]]) -> None: ...
    def intercept(self, events: Batch) -> None: ...
