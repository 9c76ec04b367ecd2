"""How a document lies in a BLOB: one byte that names the form, a CRC-32, then the bytes, compressed or as
they are.

The hash chain holds the SHA-256 of the document itself, not of the packed form, so that another compression
later changes no digest. The CRC finds what that leaves open: changed bytes that unpack to the same document.
"""

import zlib

from engine.ledger.errors import Damaged

__all__ = ["pack", "unpack"]

_PLAIN, _ZLIB = b"\x00", b"\x01"
_WORTHWHILE = 256  # bytes; what is shorter hardly shrinks
_LARGEST = 64 * 2**20  # bytes; a packed document that unpacks to more was not written here


def pack(document: bytes) -> bytes:
    """`document` as it is stored. Level 1: on decisions it is within a tenth of the best and several times
    as fast."""
    if len(document) < _WORTHWHILE:
        form, payload = _PLAIN, document
    else:
        form, payload = _ZLIB, zlib.compress(document, 1)
    return form + zlib.crc32(payload, form[0]).to_bytes(4, "big") + payload


def unpack(blob: bytes) -> bytes:
    """The document in `blob`. Raises Damaged when the bytes are not as `pack` wrote them."""
    form, check, payload = blob[:1], blob[1:5], blob[5:]
    if form not in (_PLAIN, _ZLIB) or zlib.crc32(payload, form[0]).to_bytes(4, "big") != check:
        raise _damaged()
    if form == _PLAIN:
        return payload
    reader = zlib.decompressobj()
    try:
        document = reader.decompress(payload, _LARGEST)
    except zlib.error:
        raise _damaged() from None
    if not reader.eof or reader.unused_data:
        raise _damaged()
    return document


def _damaged() -> Damaged:
    return Damaged("存储的字节已不是当初写入的", "the stored bytes are not what was written")
