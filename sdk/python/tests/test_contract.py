"""The SDK follows wit/interceptor.wit: what `weir.contract` declares is what stands there, name by name and type by type.

Where a test here fails, the contract has changed: follow it in `weir/contract.py` and in what uses it.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import unittest
from pathlib import Path

from weir import contract, log

WIT = (Path(__file__).resolve().parent.parent / "wit" / "interceptor.wit").read_text("utf-8")
TEXT = re.sub(r"\s+", " ", re.sub(r"//.*", "", WIT))

RECORDS = {
    "events": ["column", "number-column", "header-table", "span", "edit", "header-edit", "derived", "edits"],
    "interceptor": ["parameter", "description"],
    "logging": [],
    "counters": [],
}

# What the generated bindings turn the contract's types into.
PLAIN = {"u32": "int", "s64": "int", "f64": "float", "string": "str", "bool": "bool", "list<u8>": "bytes", "borrow<batch>": "Batch"}


def interface(name: str) -> str:
    """Its text."""
    found = re.search(rf"interface {name} \{{(.*?)(?=interface |world |$)", TEXT)
    assert found is not None, f"the contract has no interface {name}"
    return found[1]


def records(name: str) -> dict[str, list[tuple[str, str]]]:
    """Fields and their types, by record."""
    found = re.findall(r"record ([\w-]+) \{ ?(.*?),? ?\}", interface(name))
    return {record: [field(one) for one in re.split(r", (?=[\w-]+:)", fields)] for record, fields in found}


def functions(name: str) -> dict[str, tuple[list[tuple[str, str]], str]]:
    """Parameters and results, by function."""
    found = re.findall(r"([\w-]+): func\((.*?)\)(?: -> ([^;]+))?;", interface(name))
    return {
        snake(function): ([field(one) for one in re.split(r", (?=[\w-]+:)", given) if one], python(result) if result else "None")
        for function, given, result in found
    }


def field(text: str) -> tuple[str, str]:
    name, kind = text.split(": ", 1)
    return snake(name), python(kind)


def snake(name: str) -> str:
    return name.replace("-", "_")


def python(kind: str) -> str:
    """A type of the contract as Python has it."""
    kind = kind.strip()
    if kind in PLAIN:
        return PLAIN[kind]
    if kind == "result<_, string>":
        return "None"
    if generic := re.fullmatch(r"(list|tuple|option)<(.*)>", kind):
        inner = ", ".join(python(one) for one in re.split(r", (?![^<]*>)", generic[2]))
        return f"{inner} | None" if generic[1] == "option" else f"{generic[1]}[{inner}]"
    return "".join(part.capitalize() for part in kind.split("-"))


def declared(kind: type) -> dict[str, tuple[list[tuple[str, str]], str]]:
    """As `functions`, of a protocol."""
    found = {}
    for name, function in inspect.getmembers(kind, inspect.isfunction):
        if name.startswith("_"):
            continue
        signature = inspect.signature(function)
        given = [(one.name, str(one.annotation)) for one in signature.parameters.values() if one.name != "self"]
        found[name] = (given, str(signature.return_annotation))
    return found


class TheContract(unittest.TestCase):
    def test_has_the_world_the_sdk_was_written_for(self) -> None:
        world = re.search(r"world plugin \{ (.*?) \}", TEXT)
        assert world is not None
        self.assertEqual(world[1], "import events; import logging; import counters; export interceptor;")

    def test_has_the_records_the_sdk_declares_with_the_same_fields_and_types(self) -> None:
        for name, wanted in RECORDS.items():
            known = records(name)
            self.assertEqual(sorted(known), sorted(wanted), name)
            for record, fields in known.items():
                kind = getattr(contract, python(record))
                self.assertEqual([(one.name, one.type) for one in dataclasses.fields(kind)], fields, record)

    def test_has_the_functions_the_sdk_calls_and_answers(self) -> None:
        self.assertEqual(functions("events"), declared(contract.Batch))
        self.assertEqual(functions("interceptor"), declared(contract.Interceptor))

    def test_has_the_log_and_counters_as_the_sdk_uses_them(self) -> None:
        self.assertEqual(functions("logging"), {"write": ([("level", "Level"), ("message", "str")], "None")})
        levels = re.search(r"enum level \{ (.*?) \}", interface("logging"))
        assert levels is not None
        self.assertEqual(levels[1].split(", "), [name for name in vars(log) if name in ("debug", "info", "warn", "error")])
        self.assertIn("add: func(name: string, by: u64);", interface("counters"))


if __name__ == "__main__":
    unittest.main()
