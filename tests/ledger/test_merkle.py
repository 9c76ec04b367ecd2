"""The Merkle tree beside a naive reading of RFC 9162 section 2.1, and what false proofs do."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ledger import merkle, schema
from engine.ledger.chain import ACCESS, DECISIONS

LARGEST = 1000


def naive_root(leaves: list[bytes]) -> bytes:
    """MTH, RFC 9162 section 2.1.1, over leaf hashes."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = naive_split(len(leaves))
    return hashlib.sha256(b"\x01" + naive_root(leaves[:split]) + naive_root(leaves[split:])).digest()


def naive_split(size: int) -> int:
    split = 1
    while split * 2 < size:
        split *= 2
    return split


def naive_path(place: int, leaves: list[bytes]) -> list[bytes]:
    """PATH, RFC 9162 section 2.1.3.1."""
    if len(leaves) == 1:
        return []
    split = naive_split(len(leaves))
    if place < split:
        return [*naive_path(place, leaves[:split]), naive_root(leaves[split:])]
    return [*naive_path(place - split, leaves[split:]), naive_root(leaves[:split])]


def naive_proof(old: int, leaves: list[bytes], whole: bool = True) -> list[bytes]:
    """SUBPROOF, RFC 9162 section 2.1.4.1."""
    if old == len(leaves):
        return [] if whole else [naive_root(leaves)]
    split = naive_split(len(leaves))
    if old <= split:
        return [*naive_proof(old, leaves[:split], whole), naive_root(leaves[split:])]
    return [*naive_proof(old - split, leaves[split:], False), naive_root(leaves[:split])]


LEAVES = [hashlib.sha256(bytes([i % 256, i // 256])).digest() for i in range(LARGEST)]


@pytest.fixture(scope="module")
def source() -> Iterator[merkle.Hashes]:
    """A log of LARGEST leaves in a database without its triggers, grown in uneven steps as groups of
    appends do."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        schema.migrate(connection)
        for kind, name, _ in schema.objects(connection):
            if kind == "trigger":
                connection.execute(f"DROP TRIGGER {name}")
        size = 0
        for step in [1, 254, 1, 1, 300, 7, 500, LARGEST]:
            new = min(LARGEST, size + step)
            for seq in range(size + 1, new + 1):
                zero, leaf = bytes(32), LEAVES[seq - 1]
                connection.execute(
                    "INSERT INTO access VALUES (?, 'read', '', ?, ?, ?, '', NULL, '', '')",
                    (seq, zero, zero, leaf),
                )
            merkle.store_nodes(connection, ACCESS, size, new)
            size = new
        yield merkle.Hashes(connection, ACCESS)


SIZES = st.integers(1, LARGEST)


def test_known_roots() -> None:
    """The test vectors of certificate-transparency (RFC 6962, the same tree): eight leaves."""
    data = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ]
    roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ]
    spine = merkle.Spine()
    assert spine.root() == naive_root([]) == merkle.EMPTY
    leaves = []
    for text, root in zip(data, roots, strict=True):
        leaves.append(hashlib.sha256(b"\x00" + bytes.fromhex(text)).digest())
        spine.push(leaves[-1])
        assert spine.root().hex() == naive_root(leaves).hex() == root


@given(SIZES)
def test_roots(source: merkle.Hashes, size: int) -> None:
    assert merkle.root(source, size) == naive_root(LEAVES[:size])


@given(st.data())
def test_inclusion(source: merkle.Hashes, data: st.DataObject) -> None:
    size = data.draw(SIZES)
    place = data.draw(st.integers(0, size - 1))
    path = merkle.inclusion(source, place, size)
    root = naive_root(LEAVES[:size])
    assert path == naive_path(place, LEAVES[:size])
    assert merkle.included(LEAVES[place], place, size, path, root)
    other = data.draw(st.integers(0, size - 1).filter(lambda number: number != place)) if size > 1 else size
    assert not merkle.included(LEAVES[place], other, size, path, root)
    assert not merkle.included(LEAVES[(place + 1) % LARGEST], place, size, path, root)
    assert not merkle.included(LEAVES[place], place, size, [*path, LEAVES[0]], root)
    if path:
        changed = data.draw(st.integers(0, len(path) - 1))
        assert not merkle.included(LEAVES[place], place, size, path[:-1], root)
        assert not merkle.included(
            LEAVES[place], place, size, [*path[:changed], bytes(32), *path[changed + 1 :]], root
        )


@given(st.data())
def test_consistency(source: merkle.Hashes, data: st.DataObject) -> None:
    new = data.draw(SIZES)
    old = data.draw(st.integers(1, new))
    path = merkle.consistency(source, old, new)
    was, now = naive_root(LEAVES[:old]), naive_root(LEAVES[:new])
    assert path == naive_proof(old, LEAVES[:new])
    assert merkle.consistent(old, new, was, now, path)
    forged = naive_root([bytes(32), *LEAVES[1:old]])
    assert not merkle.consistent(old, new, forged, now, path)
    assert not merkle.consistent(old, new, was, bytes(32), path)
    assert not merkle.consistent(old, new, was, now, [*path, LEAVES[0]])
    if path:
        assert not merkle.consistent(old, new, was, now, path[:-1])


@given(SIZES)
def test_nodes_pushed_are_nodes_stored(source: merkle.Hashes, size: int) -> None:
    spine = merkle.Spine()
    for leaf in LEAVES[:size]:
        for level, place, node in spine.push(leaf):
            assert node == source.full(level, place)


@pytest.mark.parametrize(("place", "size"), [(-1, 5), (5, 5), (0, 0)])
def test_no_inclusion_outside(source: merkle.Hashes, place: int, size: int) -> None:
    with pytest.raises(ValueError, match="not among"):
        merkle.inclusion(source, place, size)
    assert not merkle.included(LEAVES[0], place, size, [], LEAVES[0])


@pytest.mark.parametrize(("old", "new"), [(0, 5), (6, 5), (-1, 5)])
def test_no_consistency_outside(source: merkle.Hashes, old: int, new: int) -> None:
    with pytest.raises(ValueError, match="no consistency"):
        merkle.consistency(source, old, new)
    assert not merkle.consistent(old, new, LEAVES[0], LEAVES[0], [])


def test_a_missing_hash_is_not_passed_over(source: merkle.Hashes) -> None:
    with pytest.raises(ValueError, match="hashes of level 0"):
        merkle.root(source, LARGEST + 1)
    with pytest.raises(ValueError, match="decisions"):
        merkle.root(merkle.Hashes(source._connection, DECISIONS), 1)
