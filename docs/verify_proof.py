#!/usr/bin/env python3
"""Check a proof that `jiuzhu ledger prove` printed, with nothing but Python. 核对台账证明，只需要 Python。

    verify_proof.py PROOF.json CHECKPOINT.json [OLDER-CHECKPOINT.json]

The checkpoint is the one YOU kept. An inclusion proof is checked against CHECKPOINT; a consistency proof shows that
OLDER-CHECKPOINT's entries are all still in CHECKPOINT, unchanged. Signatures are checked if `cryptography` is there.
"""
import hashlib, json, sys

def sha(data): return hashlib.sha256(data).digest()
def text(value): return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()

def climb(path, first, second, was, now):  # RFC 9162, 2.1.3.2 and 2.1.4.2: the roots that the path leads to
    for item in map(bytes.fromhex, path):
        if second == 0: sys.exit("FALSE: the path is too long / 路径过长")
        if first & 1 or first == second:
            was, now = sha(b"\1" + item + was), sha(b"\1" + item + now)
            while first and not first & 1: first, second = first >> 1, second >> 1
        else:
            now = sha(b"\1" + now + item)
        first, second = first >> 1, second >> 1
    if second: sys.exit("FALSE: the path is too short / 路径过短")
    return was.hex(), now.hex()

def checkpoint(name, log):
    file = json.load(open(name, encoding="utf-8"))
    document = file["checkpoint"]
    try:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(document["key"]))
        key.verify(bytes.fromhex(file["signature"]), b"jiuzhu-checkpoint-1\n" + text(document))
        print(f"{name}: signed by / 签名者 {document['key']}")
    except ImportError:
        print(f"{name}: signature NOT checked, `cryptography` is not installed / 未核对签名")
    return document["logs"][log]["size"], document["logs"][log]["root"]

proof = json.load(open(sys.argv[1], encoding="utf-8"))
size, root = checkpoint(sys.argv[2], proof["log"])
if proof["proof"] == "inclusion":
    header, place = proof["header"], proof["seq"] - 1
    leaf = sha(b"\0" + text(header))
    good = (proof["size"], header["seq"], header["log"]) == (size, proof["seq"], proof["log"]) and 0 <= place < size
    good = good and climb(proof["path"], place, size - 1, leaf, leaf)[1] == root
    good = good and ("body" not in proof or sha(text(proof["body"])).hex() == header["body"])
else:
    old, old_root = checkpoint(sys.argv[3], proof["log"])
    path, first, second = list(proof["path"]), old - 1, size - 1
    good = (proof["old"]["size"], proof["new"]["size"]) == (old, size) and 0 < old <= size
    if good and old == size: good = not path and old_root == root
    elif good:
        while first & 1: first, second = first >> 1, second >> 1
        start = bytes.fromhex(old_root if old & (old - 1) == 0 else path.pop(0))
        good = climb(path, first, second, start, start) == (old_root, root)
print("TRUE / 属实" if good else "FALSE / 不符")
sys.exit(not good)
