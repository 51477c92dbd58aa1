"""Looks up where an event comes from, in a table of networks or postcodes; see the README for settings."""

import json
from dataclasses import dataclass

from weir import DISCARD, KEEP, Event, Interceptor, Parameter, Settings, SettingsError, Verdict, reject

from tables import Malformed, Networks, Prefixes, rows

# What was looked up lately; emptied when full.
REMEMBERED = 50_000


@dataclass(frozen=True)
class Place:
    """What is known of a key: the texts as they go into headers, and as JSON."""

    texts: dict[str, str]
    json: str


class GeoEnrich(Interceptor):
    """One instance of the plugin."""

    parameters = [
        Parameter.required("table", "rows `PREFIX,VALUE,...`, each on a line or separated by `;`"),
        Parameter.optional("columns", "what the values of a row are called, separated by commas", "country"),
        Parameter.optional("kind", "`ip`: prefixes are networks, such as 192.0.2.0/24; `text`: they are how a key begins", "ip"),
        Parameter.optional("from", "where the key is: a JSON pointer into the body, or `header:NAME`", "/ip"),
        Parameter.optional("into", "`headers`: one a column; `body`: one object in the JSON body", "headers"),
        Parameter.optional("name", "what the headers' names begin with, or the name of the object", "geo"),
        Parameter.optional("missing", "an event without a key: `keep`, `discard` or `reject`", "keep"),
        Parameter.optional("malformed", "a key that is no address, or a body that cannot take an object: `keep`, `discard` or `reject`", "reject"),
        Parameter.optional("unknown", "a key that no row matches: `keep`, `discard` or `reject`", "keep"),
    ]

    def __init__(self, settings: Settings) -> None:
        self.name = settings.text("name")
        columns = settings.list("columns")
        table = {prefix: self._place(dict(zip(columns, values))) for prefix, values in rows(settings.text("table"), len(columns))}
        kind = _one_of(settings, "kind", "ip", "text")
        self.table = Networks(table) if kind == "ip" else Prefixes(table)
        where = settings.text("from")
        self.header = where.removeprefix("header:") if where.startswith("header:") else None
        self.pointer = where
        if self.header is None and not where.startswith("/"):
            raise SettingsError(f"`from` must be a JSON pointer, which begins with `/`, or `header:NAME`, not `{where}`")
        if self.header == "":
            raise SettingsError("`from` names no header")
        self.into_body = _one_of(settings, "into", "headers", "body") == "body"
        self.missing = _one_of(settings, "missing", "keep", "discard", "reject")
        self.malformed = _one_of(settings, "malformed", "keep", "discard", "reject")
        self.unknown = _one_of(settings, "unknown", "keep", "discard", "reject")
        self.remembered: dict[str, Place | None] = {}

    def intercept(self, event: Event) -> Verdict:
        key = event.json_text(self.pointer) if self.header is None else event.header_text(self.header)
        if key is None:
            return _verdict(self.missing, f"nothing to look up at `{self.header or self.pointer}`")
        try:
            place = self._find(key.strip())
            if place is None:
                return _verdict(self.unknown, f"`{key}` is in no row of the table")
            if self.into_body:
                event.set_body(self._extended(event.body, place))
        except Malformed as error:
            return _verdict(self.malformed, str(error))
        if not self.into_body:
            for name, text in place.texts.items():
                event.set_header(name, text)
        return KEEP

    def _place(self, values: dict[str, str]) -> Place:
        texts = {f"{self.name}.{column}": value for column, value in values.items()}
        return Place(texts, json.dumps(values, ensure_ascii=False, separators=(",", ":")))

    def _find(self, key: str) -> Place | None:
        if key in self.remembered:
            return self.remembered[key]
        place = self.table.find(key)
        if len(self.remembered) >= REMEMBERED:
            self.remembered.clear()
        self.remembered[key] = place
        return place

    def _extended(self, body: bytes | None, place: Place) -> str:
        """The body with the object at its end; all else is as it was written."""
        try:
            text = (body or b"").decode()
            fields = json.loads(text)
        except (ValueError, RecursionError):
            raise Malformed("the body is no JSON") from None
        if not isinstance(fields, dict):
            raise Malformed("the body is no JSON object")
        if self.name in fields:
            raise Malformed(f"the body has a field `{self.name}` already")
        comma = "," if fields else ""
        return f"{text.rstrip()[:-1]}{comma}{json.dumps(self.name)}:{place.json}}}"


def _one_of(settings: Settings, name: str, *choices: str) -> str:
    text = settings.text(name)
    if text not in choices:
        raise SettingsError(f"`{name}` must be one of `{'`, `'.join(choices)}`, not `{text}`")
    return text


def _verdict(what: str, reason: str) -> Verdict:
    if what == "reject":
        return reject(reason)
    return DISCARD if what == "discard" else KEEP
