"""Fields of JSON bodies as the host finds them: by RFC 6901 pointer, and as they are written. For tests."""

from __future__ import annotations

import json
import math
import re

_SPACE = re.compile(r"[ \t\n\r]*")
_SCALAR = re.compile(r"[^\s,\]}]+")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


def find(body: bytes | None, pointer: str) -> str | None:
    """The value as it is written; `None` where there is none, or the body is no JSON."""
    tokens = parse(pointer)
    if body is None:
        return None
    try:
        text = body.decode()
        json.loads(text, parse_constant=_refuse)
    except (UnicodeDecodeError, ValueError, RecursionError):
        return None
    value = text.strip(" \t\n\r")
    for token in tokens:
        child = _child(value, token)
        if child is None:
            return None
        value = child
    return value


def text(body: bytes | None, pointer: str) -> str | None:
    """A string's content, anything else as it is written, `None` for JSON's null."""
    value = find(body, pointer)
    if value is None or value == "null":
        return None
    if not value.startswith('"'):
        return value
    content: str = json.loads(value)
    return content


def number(body: bytes | None, pointer: str) -> float | None:
    """The value where it is a number."""
    value = find(body, pointer)
    if value is None or not (value[0] == "-" or value[0].isdigit()):
        return None
    found = float(value)
    return found if math.isfinite(found) else None


def parse(pointer: str) -> list[str]:
    """The pointer's tokens. The host stops a plugin over text that is no pointer."""
    if pointer and not pointer.startswith("/") or re.search("~(?![01])", pointer):
        raise ValueError(f"{pointer!r} is not a JSON pointer (RFC 6901)")
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]


def _child(value: str, token: str) -> str | None:
    """One step, into an object or an array that is known to be well-formed. Of fields of one name the last counts."""
    if value[0] == "{":
        fields = [(json.loads(name), field) for name, field in _members(value)]
        return next((field for name, field in reversed(fields) if name == token), None)
    if value[0] != "[" or not re.fullmatch("0|[1-9][0-9]*", token):
        return None
    elements = [element for _, element in _members(value)]
    return elements[int(token)] if int(token) < len(elements) else None


def _members(value: str) -> list[tuple[str, str]]:
    members = []
    at = _skip(value, 1)
    while value[at] not in "]}":
        name = ""
        if value[0] == "{":
            end = _end(value, at)
            name = value[at:end]
            at = _skip(value, _skip(value, end) + 1)
        end = _end(value, at)
        members.append((name, value[at:end]))
        at = _skip(value, end)
        if value[at] == ",":
            at = _skip(value, at + 1)
    return members


def _end(text: str, at: int) -> int:
    """Where the value that begins at `at` ends."""
    if text[at] == '"':
        return _matched(_STRING, text, at)
    if text[at] not in "[{":
        return _matched(_SCALAR, text, at)
    depth = 0
    while True:
        if text[at] == '"':
            at = _matched(_STRING, text, at)
            continue
        depth += (text[at] in "[{") - (text[at] in "]}")
        at += 1
        if depth == 0:
            return at


def _skip(text: str, at: int) -> int:
    return _matched(_SPACE, text, at)


def _matched(pattern: re.Pattern[str], text: str, at: int) -> int:
    match = pattern.match(text, at)
    if match is None:
        raise ValueError(f"no JSON at {at}")
    return match.end()


def _refuse(constant: str) -> None:
    # Python takes `NaN` and `Infinity` for JSON; the host does not.
    raise ValueError(constant)
