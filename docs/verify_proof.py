"""Check what `jiuzhu ledger prove` printed, with nothing but Python. 核对台账证明，只需 Python 标准库。

    verify_proof.py PROOF CHECKPOINT [OLDER-CHECKPOINT]

An inclusion proof: the entry is among those CHECKPOINT covers. A consistency proof: all that OLDER-CHECKPOINT
covers is still there in CHECKPOINT, unchanged. Use the checkpoints YOU kept, and know the signer's key.
"""
import json
import sys
from hashlib import sha256
from pathlib import Path

read = lambda name: json.loads(Path(name).read_text(encoding="utf-8"))  # noqa: E731
text = lambda value: json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()  # noqa: E731
hash = lambda data: sha256(data).digest()  # noqa: E731


def climb(path, first, second, was, now):
    """RFC 9162, 2.1.3.2 and 2.1.4.2: the roots that the path leads to, over the old leaves and over all."""
    for item in map(bytes.fromhex, path):
        if first & 1 or first == second:
            was, now = hash(b"\1" + item + was), hash(b"\1" + item + now)
            while first and not first & 1:
                first, second = first >> 1, second >> 1
        else:
            now = hash(b"\1" + now + item)
        first, second = first >> 1, second >> 1 if second else -1  # -1: the path is too long
    return (was.hex(), now.hex()) if second == 0 else ("", "")


def checkpoint(name, log):
    document, signature = read(name)["checkpoint"], bytes.fromhex(read(name)["signature"])
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey as PublicKey
        key = PublicKey.from_public_bytes(bytes.fromhex(document["key"]))
        key.verify(signature, b"jiuzhu-checkpoint-1\n" + text(document))
        print(f"{name}: {document['at']}, signed by 签名者 {document['key']}")
    except ImportError:
        print(f"{name}: {document['at']}, signature NOT checked (no `cryptography`) 未核对签名")
    except Exception:
        sys.exit(f"FALSE 不符: {name}: the signature does not fit 签名不符")
    return document["logs"][log]["size"], document["logs"][log]["root"]


proof = read(sys.argv[1])
size, root = checkpoint(sys.argv[2], proof["log"])
if proof["proof"] == "inclusion":
    header, seq, leaf = proof["header"], proof["seq"], hash(b"\0" + text(proof["header"]))
    good = (header["log"], header["seq"], proof["size"]) == (proof["log"], seq, size) and 0 < seq <= size
    good = good and climb(proof["path"], seq - 1, size - 1, leaf, leaf)[1] == root
    good = good and ("body" not in proof or sha256(text(proof["body"])).hexdigest() == header["body"])
else:
    (old, was), path = checkpoint(sys.argv[3], proof["log"]), proof["path"]
    good = old == size and was == root and not path
    if 0 < old < size and path:
        level = (old & -old).bit_length() - 1  # the subtree at the old tree's right edge
        start = [bytes.fromhex(was)] if old == old & -old else [bytes.fromhex(path.pop(0))]
        good = climb(path, old - 1 >> level, size - 1 >> level, *start * 2) == (was, root)
sys.exit(print("TRUE 属实" if good else "FALSE 不符") or not good)
