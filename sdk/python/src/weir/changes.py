"""Edits under way."""

from __future__ import annotations

from operator import attrgetter

from .contract import Derived, Edit, Edits, HeaderEdit, Span
from .verdict import Verdict

_EVENT = attrgetter("event")


class Changes:
    """The edits of one batch, gathered until it is judged."""

    __slots__ = ("_bodies", "_bytes", "_derived", "_discards", "_keys", "_names", "_rejects", "_removed", "_set")

    def __init__(self) -> None:
        self._bytes = bytearray()
        # Header names are written once a batch.
        self._names: dict[str, Span] = {}
        self._discards: set[int] = set()
        self._rejects: dict[int, Span] = {}
        self._set: list[HeaderEdit] = []
        self._removed: list[Edit] = []
        # Of several keys or bodies for one event the last counts; `None` takes it away.
        self._keys: dict[int, Span | None] = {}
        self._bodies: dict[int, Span | None] = {}
        self._derived: list[Derived] = []

    def decide(self, event: int, verdict: Verdict) -> None:
        """Says what becomes of an event, once at most."""
        if verdict.kind == "keep":
            return
        if event in self._discards or event in self._rejects:
            raise ValueError(f"event {event} was decided on already")
        if verdict.kind == "discard":
            self._discards.add(event)
        else:
            self._rejects[event] = self._text(verdict.reason)

    def set_header(self, event: int, name: str, value: bytes | str) -> None:
        self._set.append(HeaderEdit(event, self._name(name), self._value(value)))

    def remove_header(self, event: int, name: str) -> None:
        self._removed.append(Edit(event, self._name(name)))

    def key(self, event: int, key: bytes | str | None) -> None:
        self._keys[event] = None if key is None else self._value(key)

    def body(self, event: int, body: bytes | str | None) -> None:
        self._bodies[event] = None if body is None else self._value(body)

    def derive(self, event: int, body: bytes | str, headers: dict[str, bytes | str]) -> None:
        pairs = [(self._name(name), self._value(value)) for name, value in headers.items()]
        self._derived.append(Derived(event, self._value(body), pairs))

    def finish(self) -> Edits | None:
        """The edits, as the contract wants them: by ascending event. `None` where nothing was changed."""
        # A rejected event is parked as it came: what was derived from it goes with it.
        derived = [one for one in self._derived if one.event not in self._rejects]
        if not (self._discards or self._rejects or self._set or self._removed or self._keys or self._bodies or derived):
            return None
        # An interceptor goes through a batch in order most times, and a sorted list is sorted in no time.
        return Edits(
            discards=sorted(self._discards),
            rejects=[Edit(event, self._rejects[event]) for event in sorted(self._rejects)],
            set_headers=sorted(self._set, key=_EVENT),
            remove_headers=sorted(self._removed, key=_EVENT),
            set_keys=_set(self._keys),
            clear_keys=_cleared(self._keys),
            set_bodies=_set(self._bodies),
            clear_bodies=_cleared(self._bodies),
            derived=sorted(derived, key=_EVENT),
            bytes=bytes(self._bytes),
        )

    def _value(self, value: bytes | str) -> Span:
        if isinstance(value, str):
            return self._text(value)
        if not isinstance(value, (bytes, bytearray, memoryview)):
            raise TypeError(f"a value is bytes or str, not {type(value).__name__}")
        start = len(self._bytes)
        self._bytes += value
        return Span(start, len(self._bytes) - start)

    def _text(self, text: str) -> Span:
        start = len(self._bytes)
        # A lone surrogate has no UTF-8.
        self._bytes += text.encode("utf-8", "replace")
        return Span(start, len(self._bytes) - start)

    def _name(self, name: str) -> Span:
        span = self._names.get(name)
        if span is not None:
            return span
        if not isinstance(name, str):
            raise TypeError(f"a header's name is str, not {type(name).__name__}")
        if not name or "\0" in name:
            raise ValueError(f"{name!r} cannot name a header: it must not be empty or contain NUL")
        span = self._text(name)
        self._names[name] = span
        return span


def _set(changed: dict[int, Span | None]) -> list[Edit]:
    return [Edit(event, span) for event, span in sorted(changed.items(), key=_first) if span is not None]


def _cleared(changed: dict[int, Span | None]) -> list[int]:
    return sorted(event for event, span in changed.items() if span is None)


def _first(item: tuple[int, Span | None]) -> int:
    return item[0]
