"""A batch and the events in it: views of columns that stay on the host until somebody asks."""

from __future__ import annotations

from collections.abc import Iterator

from . import contract
from .changes import Changes
from .verdict import Verdict


def _values(column: contract.Column) -> list[bytes | None]:
    """One value an event, cut once for the whole batch."""
    data = column.bytes
    values: list[bytes | None] = []
    start = 0
    for end in column.ends:
        values.append(data[start:end])
        start = end
    for index in column.nulls:
        values[index] = None
    return values


class BodyRanges:
    """A part of every body; see `Batch.body_ranges`."""

    __slots__ = ("_values",)

    def __init__(self, column: contract.Column) -> None:
        self._values = _values(column)

    def of(self, event: Event) -> bytes | None:
        """The part of this event's body; `None` where it has no body."""
        return self._values[event.index]


class Batch:
    """Events that travel together, in source order. Valid during the call only."""

    __slots__ = ("_bodies", "_changes", "_header", "_headers", "_json_numbers", "_json_texts", "_keys", "_len", "_source", "_timestamps")

    def __init__(self, source: contract.Batch, changes: Changes) -> None:
        self._source = source
        self._changes = changes
        self._len = source.len()
        self._timestamps: list[int] | None = None
        self._keys: list[bytes | None] | None = None
        self._bodies: list[bytes | None] | None = None
        self._headers: list[list[tuple[bytes, bytes | None]]] | None = None
        self._header: dict[str, list[bytes | None]] = {}
        self._json_texts: dict[str, list[bytes | None]] = {}
        self._json_numbers: dict[str, list[float | None]] = {}

    def __len__(self) -> int:
        return self._len

    def __iter__(self) -> Iterator[Event]:
        for index in range(self._len):
            yield Event(self, index)

    def __getitem__(self, index: int) -> Event:
        if not 0 <= index < self._len:
            raise IndexError(f"event {index} of a batch of {self._len}")
        return Event(self, index)

    def body_ranges(self, offset: int, len: int) -> BodyRanges:
        """The same byte range of every body, cut at its end. Cheaper than whole bodies where they are long."""
        return BodyRanges(self._source.body_ranges(offset, len))


class Event:
    """One event. What is asked for the first time is pulled for the whole batch; what is changed is told to the host once, at the end.

    Changes do not show in what the methods return: an interceptor sees the event as it came.
    """

    __slots__ = ("_batch", "index")

    def __init__(self, batch: Batch, index: int) -> None:
        self._batch = batch
        self.index = index
        """Its place in the batch."""

    @property
    def body(self) -> bytes | None:
        """Its body; `None` is Kafka's null value, a tombstone."""
        batch = self._batch
        if batch._bodies is None:
            batch._bodies = _values(batch._source.bodies())
        return batch._bodies[self.index]

    @property
    def body_text(self) -> str | None:
        """Its body as text; `None` also where it is not UTF-8."""
        return _text(self.body)

    @property
    def key(self) -> bytes | None:
        """Its key."""
        batch = self._batch
        if batch._keys is None:
            batch._keys = _values(batch._source.keys())
        return batch._keys[self.index]

    @property
    def timestamp(self) -> int | None:
        """Milliseconds since the epoch; `None` where the source knows none."""
        batch = self._batch
        if batch._timestamps is None:
            batch._timestamps = batch._source.timestamps()
        at = batch._timestamps[self.index]
        return at if at >= 0 else None

    def header(self, name: str) -> bytes | None:
        """The last header of this name."""
        batch = self._batch
        values = batch._header.get(name)
        if values is None:
            values = batch._header[name] = _values(batch._source.header(name))
        return values[self.index]

    def header_text(self, name: str) -> str | None:
        """As `header`; `None` also where it is not UTF-8."""
        return _text(self.header(name))

    def headers(self) -> list[tuple[bytes, bytes | None]]:
        """Every header, in order; names need not be UTF-8, and one may come more than once."""
        batch = self._batch
        if batch._headers is None:
            batch._headers = _entries(batch._source.headers())
        return batch._headers[self.index]

    def json_text(self, pointer: str) -> str | None:
        """A field of its JSON body, by RFC 6901 pointer such as `/card/number`: a string's content, anything else as it is written.

        `None` where it is absent or `null`, or the body is no JSON. The host parses. Text that is no pointer stops the plugin.
        """
        batch = self._batch
        values = batch._json_texts.get(pointer)
        if values is None:
            values = batch._json_texts[pointer] = _values(batch._source.json_texts(pointer))
        return _text(values[self.index])

    def json_number(self, pointer: str) -> float | None:
        """A number in its JSON body; `None` also where the field is something else."""
        batch = self._batch
        values = batch._json_numbers.get(pointer)
        if values is None:
            column = batch._source.json_numbers(pointer)
            values = batch._json_numbers[pointer] = [*column.values]
            for index in column.nulls:
                values[index] = None
        return values[self.index]

    def set_header(self, name: str, value: bytes | str) -> None:
        """Sets a header, replacing every one of that name. The name must not be empty. `topic` routes the event, as in Flume."""
        self._batch._changes.set_header(self.index, name, value)

    def remove_header(self, name: str) -> None:
        """Removes every header of that name. Removals come before settings."""
        self._batch._changes.remove_header(self.index, name)

    def set_key(self, key: bytes | str) -> None:
        """Replaces its key."""
        self._batch._changes.key(self.index, key)

    def clear_key(self) -> None:
        """Takes its key away."""
        self._batch._changes.key(self.index, None)

    def set_body(self, body: bytes | str) -> None:
        """Replaces its body."""
        self._batch._changes.body(self.index, body)

    def clear_body(self) -> None:
        """Takes its body away: a tombstone in Kafka."""
        self._batch._changes.body(self.index, None)

    def derive(self, body: bytes | str, headers: dict[str, bytes | str] | None = None) -> None:
        """A new event right after this one, with its headers, key, timestamp and origin, this body, and these headers on top."""
        self._batch._changes.derive(self.index, body, headers or {})

    def decide(self, verdict: Verdict) -> None:
        """Says what becomes of it; for `Interceptor.intercept_batch`. Once at most for an event."""
        if not isinstance(verdict, Verdict):
            raise TypeError(f"a verdict is KEEP, DISCARD or reject(reason), not {verdict!r}")
        self._batch._changes.decide(self.index, verdict)


def _entries(table: contract.HeaderTable) -> list[list[tuple[bytes, bytes | None]]]:
    names = _values(table.names)
    values = _values(table.values)
    entries = []
    start = 0
    for count in table.counts:
        end = start + count
        entries.append([(name or b"", value) for name, value in zip(names[start:end], values[start:end])])
        start = end
    return entries


def _text(value: bytes | None) -> str | None:
    if value is None:
        return None
    try:
        return value.decode()
    except UnicodeDecodeError:
        return None
