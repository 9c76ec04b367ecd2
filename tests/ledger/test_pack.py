"""How documents lie in a BLOB: every changed bit of the stored form is found, even one that unpacks to the same."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.ledger.errors import Damaged
from engine.ledger.pack import pack, unpack

DOCUMENTS = [b"", b"{}", b"x" * 255, b"x" * 256, "救助".encode() * 500, bytes(range(256)) * 3]


@given(st.binary(max_size=2000))
def test_unpacking_gives_the_document_back(document: bytes) -> None:
    assert unpack(pack(document)) == document


@pytest.mark.parametrize("document", DOCUMENTS, ids=range(len(DOCUMENTS)))
def test_every_changed_bit_is_found(document: bytes) -> None:
    packed = pack(document)
    for bit in range(len(packed) * 8):
        changed = bytearray(packed)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Damaged):
            unpack(bytes(changed))


@pytest.mark.parametrize("document", DOCUMENTS, ids=range(len(DOCUMENTS)))
def test_what_was_cut_or_lengthened_is_found(document: bytes) -> None:
    packed = pack(document)
    for changed in (packed[:-1], packed[:4], b"", packed + b"\x00", packed[:1] + packed):
        with pytest.raises(Damaged):
            unpack(changed)


def test_a_right_crc_over_a_wrong_stream_is_found() -> None:
    stream = zlib.compress(b"x" * 1000, 1)
    for payload in (stream[:-4], stream + b"more", b"no stream"):
        with pytest.raises(Damaged):
            unpack(b"\x01" + zlib.crc32(payload, 1).to_bytes(4, "big") + payload)


def test_long_documents_shrink() -> None:
    document = b'{"id":"c1","truth":"yes"},' * 400
    assert len(pack(document)) < len(document) / 10 and len(pack(b"short")) == 5 + 5
