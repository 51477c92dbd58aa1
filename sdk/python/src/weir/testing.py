"""Runs an interceptor natively, on events made up for a test: no WebAssembly, no host. For pytest, unittest or anything else.

    from weir.testing import Given, configure, judge

    def test_large_events_are_marked():
        judged = judge(configure(LargeOnes, {"limit": "3"}), [b"four", Given(body=b"two", key=b"k")])
        assert judged[0].header("large") == "yes"
        assert judged[1].fate == "kept" and judged[1].headers == []
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from . import host, json_pointer
from .contract import Column, Edits, HeaderTable, NumberColumn, Span
from .interceptor import Interceptor
from .runner import Refused, Runner
from .settings import Settings, SettingsError

_I = TypeVar("_I", bound=Interceptor)


def configure(kind: type[_I], given: Mapping[str, str] | None = None) -> _I:
    """Makes an instance as the host does: unknown settings are refused, defaults filled in.

    Raises `SettingsError` with what the host or the class itself says of the settings.
    """
    given = given or {}
    known = {parameter.name for parameter in kind.parameters}
    for name in given:
        if name not in known:
            raise SettingsError(f"`{name}` is unknown")
    pairs = []
    for parameter in kind.parameters:
        value = given.get(parameter.name, parameter.default)
        if value is not None:
            pairs.append((parameter.name, value))
        elif parameter.is_required:
            raise SettingsError(f"`{parameter.name}` is required")
    return kind(Settings(pairs))


@dataclass
class Given:
    """An event for a test. Text stands for its UTF-8."""

    body: bytes | str | None = None
    key: bytes | str | None = None
    timestamp: int | None = None
    """Milliseconds since the epoch."""
    headers: Sequence[tuple[bytes | str, bytes | str | None]] | Mapping[str, bytes | str | None] = ()
    """In order."""


@dataclass
class Judged:
    """An event after the interceptor."""

    fate: str
    """`kept`, `discarded` or `rejected`."""
    reason: str | None
    """Why, where it was rejected."""
    body: bytes | None
    key: bytes | None
    timestamp: int | None
    headers: list[tuple[bytes, bytes | None]]
    derived: list[Judged] = field(default_factory=list)
    """New events right after it: body, and the headers set on top."""

    def header(self, name: str) -> str | None:
        """The last header of this name, as text."""
        value = next((value for known, value in reversed(self.headers) if known == name.encode()), None)
        return None if value is None else value.decode("utf-8", "replace")


class BatchFailed(Exception):
    """What the host is told where the interceptor fails the batch."""


def judge(interceptor: Interceptor, events: Iterable[Given | bytes | str | None]) -> list[Judged]:
    """What the interceptor makes of each event; bytes and text stand for an event with that body.

    Raises `BatchFailed` with what the host would be told: a `Fault`'s message, or any other exception's message and traceback.
    """
    batch = _Batch([event if isinstance(event, Given) else Given(event) for event in events])
    runner = Runner(type(interceptor), "test", "0")
    runner._interceptor = interceptor
    try:
        runner.intercept(batch)
    except Refused as refused:
        raise BatchFailed(str(refused)) from refused.__cause__
    return batch.judged


@dataclass
class Seen:
    """What an interceptor said outside its batches."""

    log: list[tuple[str, str]] = field(default_factory=list)
    """Level and message of each line."""
    counters: dict[str, int] = field(default_factory=dict)

    def write(self, level: str, message: str) -> None:
        self.log.append((level, message))

    def add(self, name: str, by: int) -> None:
        self.counters[name] = self.counters.get(name, 0) + by


@contextmanager
def watched() -> Iterator[Seen]:
    """Gathers lines of the log and counters while it is open."""
    seen, before = Seen(), host.current
    host.current = seen
    try:
        yield seen
    finally:
        host.current = before


class _Batch:
    """The host's side of a batch."""

    def __init__(self, events: list[Given]) -> None:
        self.judged = [_untouched(event) for event in events]
        self._applied = False

    def len(self) -> int:
        return len(self.judged)

    def timestamps(self) -> list[int]:
        return [-1 if event.timestamp is None else event.timestamp for event in self.judged]

    def keys(self) -> Column:
        return _column(event.key for event in self.judged)

    def bodies(self) -> Column:
        return _column(event.body for event in self.judged)

    def body_ranges(self, offset: int, len: int) -> Column:
        return _column(None if event.body is None else event.body[offset : offset + len] for event in self.judged)

    def header(self, name: str) -> Column:
        wanted = name.encode()
        return _column(next((value for known, value in reversed(event.headers) if known == wanted), None) for event in self.judged)

    def headers(self) -> HeaderTable:
        entries = [entry for event in self.judged for entry in event.headers]
        names, values = _column(name for name, _ in entries), _column(value for _, value in entries)
        return HeaderTable([len(event.headers) for event in self.judged], names, values)

    def json_texts(self, pointer: str) -> Column:
        texts = [json_pointer.text(event.body, pointer) for event in self.judged]
        return _column(None if text is None else text.encode() for text in texts)

    def json_numbers(self, pointer: str) -> NumberColumn:
        numbers = [json_pointer.number(event.body, pointer) for event in self.judged]
        nulls = [index for index, number in enumerate(numbers) if number is None]
        return NumberColumn([number or 0.0 for number in numbers], nulls)

    def apply(self, edits: Edits) -> None:
        data = edits.bytes

        def piece(span: Span) -> bytes:
            return data[span.offset : span.offset + span.len]

        for edit in edits.remove_headers:
            self._remove(edit.event, piece(edit.at))
        for header in edits.set_headers:
            self._remove(header.event, piece(header.name))
            self.judged[header.event].headers.append((piece(header.name), piece(header.value)))
        for edit in edits.set_keys:
            self.judged[edit.event].key = piece(edit.at)
        for event in edits.clear_keys:
            self.judged[event].key = None
        for edit in edits.set_bodies:
            self.judged[edit.event].body = piece(edit.at)
        for event in edits.clear_bodies:
            self.judged[event].body = None
        for derived in edits.derived:
            headers: list[tuple[bytes, bytes | None]] = [(piece(name), piece(value)) for name, value in derived.headers]
            self.judged[derived.event].derived.append(Judged("kept", None, piece(derived.body), None, None, headers))
        for event in edits.discards:
            self.judged[event].fate = "discarded"
        for edit in edits.rejects:
            self.judged[edit.event].fate, self.judged[edit.event].reason = "rejected", piece(edit.at).decode()

    def _remove(self, event: int, name: bytes) -> None:
        self.judged[event].headers = [entry for entry in self.judged[event].headers if entry[0] != name]


def _untouched(event: Given) -> Judged:
    pairs = event.headers.items() if isinstance(event.headers, Mapping) else event.headers
    headers = [(_bytes(name) or b"", _bytes(value)) for name, value in pairs]
    return Judged("kept", None, _bytes(event.body), _bytes(event.key), event.timestamp, headers)


def _bytes(value: bytes | str | None) -> bytes | None:
    return value.encode() if isinstance(value, str) else value


def _column(values: Iterable[bytes | None]) -> Column:
    data, ends, nulls = bytearray(), [], []
    for index, value in enumerate(values):
        if value is None:
            nulls.append(index)
        else:
            data += value
        ends.append(len(data))
    return Column(bytes(data), ends, nulls)
