"""Tables by prefix: the longest that fits a key counts."""

import csv
import io
import ipaddress
from collections.abc import Iterator
from typing import Generic, TypeVar

from weir import SettingsError

T = TypeVar("T")


class Malformed(Exception):
    """What does not let itself be looked up, in words for the dead letter."""


def rows(text: str, columns: int) -> Iterator[tuple[str, list[str]]]:
    """Prefix and values of each row: CSV, a row a line or up to a `;`. Empty rows and those that begin with `#` are left out."""
    if columns == 0:
        raise SettingsError("`columns` names none")
    seen = set()
    for number, line in enumerate(text.replace(";", "\n").splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        prefix, *values = [value.strip() for value in next(csv.reader(io.StringIO(line)))]
        if len(values) != columns:
            raise SettingsError(f"row {number} of `table` has {len(values)} values, `columns` names {columns}: `{line.strip()}`")
        if prefix in seen:
            raise SettingsError(f"row {number} of `table` names `{prefix}` again")
        seen.add(prefix)
        yield prefix, values


class Networks(Generic[T]):
    """Networks and single addresses of IPv4 and IPv6."""

    def __init__(self, table: dict[str, T]) -> None:
        # By version and length of the prefix; then by the network's number, without the bits behind the prefix.
        lengths: dict[tuple[int, int], dict[int, T]] = {}
        for text, value in table.items():
            try:
                network = ipaddress.ip_network(text)
            except ValueError as error:
                raise SettingsError(f"`table`: {error}") from None
            shift = network.max_prefixlen - network.prefixlen
            lengths.setdefault((network.version, shift), {})[int(network.network_address) >> shift] = value
        # The longest prefix has the fewest bits behind it.
        self._lengths = {
            version: [(shift, lengths[version, shift]) for known, shift in sorted(lengths) if known == version] for version in (4, 6)
        }

    def find(self, key: str) -> T | None:
        """What the longest network the address is in stands for."""
        try:
            address: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(key)
        except ValueError:
            raise Malformed(f"`{key}` is not an IP address") from None
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        number = int(address)
        for shift, networks in self._lengths[address.version]:
            value = networks.get(number >> shift)
            if value is not None:
                return value
        return None


class Prefixes(Generic[T]):
    """How keys begin; case counts, spaces do not."""

    def __init__(self, table: dict[str, T]) -> None:
        self._table = {_tight(prefix): value for prefix, value in table.items()}
        if len(self._table) != len(table):
            raise SettingsError("`table` names a prefix again, apart from spaces")
        self._lengths = sorted({len(prefix) for prefix in self._table}, reverse=True)

    def find(self, key: str) -> T | None:
        """What the longest prefix of the key stands for."""
        tight = _tight(key)
        if not tight:
            raise Malformed("the key is empty")
        for length in self._lengths:
            value = self._table.get(tight[:length])
            if value is not None and length <= len(tight):
                return value
        return None


def _tight(text: str) -> str:
    return "".join(text.split())
