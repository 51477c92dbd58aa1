"""Does what each event's header `do` says; see the README. The same in every language, so that a table of cases can compare them."""

import math

from weir import (
    DISCARD,
    KEEP,
    Batch,
    BodyRanges,
    Event,
    Fault,
    Interceptor,
    Parameter,
    Settings,
    SettingsError,
    Verdict,
    count,
    log,
    reject,
)

# Longer ones are named by their length.
SHOWN = 64


class Conformance(Interceptor):
    """One instance of the plugin."""

    parameters = [
        Parameter.required("label", "any text; `settings` shows it"),
        Parameter.optional("limit", "a whole number above 0", "10"),
        Parameter.absent("note", "any text; `settings` shows it where it is given"),
        Parameter.optional("mode", "`event`, or `batch`: through the whole-batch function", "event"),
    ]

    def __init__(self, settings: Settings) -> None:
        self.label = settings.text("label")
        self.limit = settings.integer("limit")
        self.note = settings.find_text("note")
        self.mode = settings.text("mode")
        if self.limit <= 0:
            raise SettingsError("`limit` must be above 0")
        if self.mode not in ("event", "batch"):
            raise SettingsError(f"`mode` must be `event` or `batch`, not `{self.mode}`")
        self._ranges: BodyRanges | None = None

    def intercept_batch(self, batch: Batch) -> None:
        self._ranges = None
        self._batch = batch
        if self.mode == "event":
            super().intercept_batch(batch)
            return
        for event in batch:
            event.set_header("index", str(event.index))
            event.set_header("of", str(len(batch)))
        for event in batch:
            event.decide(self.intercept(event))

    def intercept(self, event: Event) -> Verdict:
        match event.header_text("do"):
            case None | "keep":
                return KEEP
            case "discard":
                return DISCARD
            case "reject":
                return reject(text(event))
            case "set-header":
                event.set_header(event.header_text("name") or "", event.body or b"")
            case "remove-header":
                event.remove_header(event.header_text("name") or "")
            case "set-key":
                event.set_key(event.body or b"")
            case "clear-key":
                event.clear_key()
            case "set-body":
                event.set_body(event.header("value") or b"")
            case "clear-body":
                event.clear_body()
            case "reverse":
                if event.body is not None:
                    event.set_body(event.body[::-1])
            case "echo":
                event.set_body(echo(event))
            case "explode":
                return explode(event)
            case "json":
                fields(event, event.header_text("pointer") or "")
            case "settings":
                event.set_header("label", self.label)
                event.set_header("limit", str(self.limit))
                if self.note is not None:
                    event.set_header("note", self.note)
            case "range":
                self.range(event)
            case "log":
                log.info(text(event))
            case "log-flood":
                for _ in range(10_000):
                    log.warn("flood")
            case "count":
                count("seen")
            case "error":
                raise Fault(text(event))
            case "panic":
                raise RuntimeError("conformance panic")
            case other:
                return reject(f"unknown command `{other}`")
        return KEEP

    def range(self, event: Event) -> None:
        """Sets header `range` to bytes 2 to 6 of the body."""
        if self._ranges is None:
            self._ranges = self._batch.body_ranges(2, 4)
        part = self._ranges.of(event)
        if part is not None:
            event.set_header("range", part)


def text(event: Event) -> str:
    """The body as text, whatever it is."""
    return (event.body or b"").decode("utf-8", "replace")


def echo(event: Event) -> str:
    """All that an event is, in a line."""
    headers = ",".join(f"{name.hex()}={shown(value)}" for name, value in event.headers())
    timestamp = "null" if event.timestamp is None else event.timestamp
    return f"key={shown(event.key)};timestamp={timestamp};body={shown(event.body)};headers={headers}"


def shown(value: bytes | None) -> str:
    """In hex, or its length."""
    if value is None:
        return "null"
    return f"len:{len(value)}" if len(value) > SHOWN else value.hex()


def explode(event: Event) -> Verdict:
    """An event for each line of the body, in place of it."""
    if event.body is not None:
        for number, piece in enumerate(event.body.split(b"\n")):
            event.derive(piece, {"piece": str(number)})
    return DISCARD


def fields(event: Event, pointer: str) -> None:
    """Sets headers to what stands at the pointer."""
    found = event.json_text(pointer)
    if found is not None:
        event.set_header("text", found)
    number = event.json_number(pointer)
    if number is not None:
        event.set_header("number", str(rounded(number * 1000)))


def rounded(number: float) -> int:
    """To the nearest whole number of 64 bits, halves away from zero."""
    if math.isinf(number):
        number = math.copysign(2.0**64, number)
    whole = math.trunc(number)
    if abs(number - whole) >= 0.5:
        whole += 1 if number > 0 else -1
    return max(-(1 << 63), min(whole, (1 << 63) - 1))
