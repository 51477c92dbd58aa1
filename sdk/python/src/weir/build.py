"""Builds the component of the plugin in the working directory: `python -m weir.build`. Needs componentize-py 0.25.1 beside this Python.

`pyproject.toml` says what there is to build:

    [project]
    name = "large-events"
    version = "0.1.0"

    [tool.weir]
    module = "large_events"   # the entry module; one class in it derives from weir.Interceptor
    path = ["src"]            # where modules are found; default
    sdk = "weir-sdk"          # where this package's folder is, for `weir plugin build` and the tests
"""

from __future__ import annotations

import argparse
import importlib.metadata
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

COMPONENTIZE = "0.25.1"

# The entry module's own name must not be one a plugin has.
_ENTRY = "weir_entry"
_SOURCE = """\
from weir.component import component, interceptor_of

import {module}

Interceptor = component(interceptor_of({module}), {name!r}, {version!r})
"""


class BuildError(Exception):
    """What is wrong with the plugin's folder, in a sentence."""


class Plugin:
    """What `pyproject.toml` says."""

    def __init__(self, folder: Path) -> None:
        file = folder / "pyproject.toml"
        try:
            tables = tomllib.loads(file.read_text("utf-8"))
        except FileNotFoundError:
            raise BuildError(f"{file}: there is no such file; a Python plugin has one") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise BuildError(f"{file}: {error}") from None
        project, weir = tables.get("project", {}), tables.get("tool", {}).get("weir", {})
        self.name = _text(file, project, "project", "name")
        self.version = _text(file, project, "project", "version")
        self.module = _text(file, weir, "tool.weir", "module")
        if not all(part.isidentifier() for part in self.module.split(".")):
            raise BuildError(f"{file}: [tool.weir] `module` is `{self.module}`, which names no module")
        path = weir.get("path", ["src"])
        if not isinstance(path, list) or not all(isinstance(one, str) for one in path):
            raise BuildError(f"{file}: [tool.weir] `path` must be a list of folders")
        self.path = [folder / one for one in path]
        for one in self.path:
            if not one.is_dir():
                raise BuildError(f"{file}: [tool.weir] `path` names {one}, which is no folder")


def _text(file: Path, table: dict[str, Any], section: str, key: str) -> str:
    value = table.get(key)
    if not isinstance(value, str) or not value:
        raise BuildError(f"{file}: [{section}] needs `{key}`, a text")
    return value


def contract() -> Path:
    """The folder of the WIT file: in the wheel it is in the package, in a checkout beside `src`."""
    package = Path(__file__).resolve().parent
    for folder in (package / "wit", package.parent.parent / "wit"):
        if (folder / "interceptor.wit").is_file():
            return folder
    raise BuildError(f"no wit/interceptor.wit beside {package}")


def _componentize() -> str:
    """The tool, of this Python's environment first; in the version this package was made for."""
    beside = Path(sys.executable).parent / "componentize-py"
    tool = str(beside) if beside.exists() else shutil.which("componentize-py")
    install = f"install it with: {sys.executable} -m pip install componentize-py=={COMPONENTIZE}"
    if tool is None:
        raise BuildError(f"componentize-py is missing; {install}")
    try:
        version = importlib.metadata.version("componentize-py")
    except importlib.metadata.PackageNotFoundError:
        return tool
    if version != COMPONENTIZE:
        raise BuildError(f"componentize-py {version} is installed, {COMPONENTIZE} is wanted; {install}")
    return tool


def build(folder: Path, output: Path) -> None:
    """Makes `output` out of the plugin in `folder`."""
    plugin = Plugin(folder)
    tool = _componentize()
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as entry:
        source = _SOURCE.format(module=plugin.module, name=plugin.name, version=plugin.version)
        (Path(entry) / f"{_ENTRY}.py").write_text(source, "utf-8")
        command = [tool, "-q", "-d", str(contract()), "-w", "plugin", "componentize", _ENTRY, "--stub-wasi"]
        # A copy of this package: what loads it writes bytecode beside it.
        shutil.copytree(Path(__file__).resolve().parent, Path(entry) / "weir", ignore=shutil.ignore_patterns("__pycache__", "wit"))
        for one in (Path(entry), *plugin.path):
            command += ["-p", str(one)]
        # Made beside its place and moved there: a build that fails leaves the last one that did not.
        made = output.with_suffix(".part")
        command += ["-o", str(made)]
        print("$", " ".join(command), flush=True)
        done = subprocess.run(command, cwd=folder, check=False)
        if done.returncode != 0:
            made.unlink(missing_ok=True)
            raise BuildError(f"componentize-py failed; {plugin.module} is loaded while building, and what it said is above")
        made.replace(output)
    print(f"{output}: {plugin.name} {plugin.version}, {output.stat().st_size:,} bytes")


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m weir.build", description="Build the plugin in the working directory.")
    parser.add_argument("-o", "--output", type=Path, help="file to make; default: build/NAME.wasm")
    given = parser.parse_args()
    folder = Path.cwd()
    try:
        build(folder, given.output or folder / "build" / f"{Plugin(folder).name}.wasm")
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
