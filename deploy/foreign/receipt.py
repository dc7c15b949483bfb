#!/usr/bin/env python3
"""Verifies COSE receipts of a log with programs that are not Wattest's.

With scitt-cose (PyPI) where it is installed; else the tree by hand after RFC 9162 section 2.1.3, CBOR by cbor2 and
Ed25519 by cryptography. Prints which, and one line for each receipt. Exit status 77: neither is installed.

    receipt.py POLICY RECEIPT.cose ENTRY.note [RECEIPT.cose ENTRY.note]...
"""
import base64
import hashlib
import sys

try:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    import cbor2
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)
try:
    from scitt_cose.receipt import verify_receipt
except ImportError:
    verify_receipt = None


def log_key(policy):
    for line in open(policy, encoding="utf-8"):
        if line.startswith("log "):
            material = base64.b64decode(line.split()[1].split("+", 2)[2])
            return Ed25519PublicKey.from_public_bytes(material[1:])
    sys.exit("the policy names no log")


def root(leaf, index, size, path):
    """RFC 9162 section 2.1.3.2."""
    node, last = index, size - 1
    hash = leaf
    for sibling in path:
        if last == 0:
            raise ValueError("the path is too long")
        if node & 1 or node == last:
            hash = hashlib.sha256(b"\x01" + sibling + hash).digest()
            while not node & 1 and node:
                node >>= 1
                last >>= 1
        else:
            hash = hashlib.sha256(b"\x01" + hash + sibling).digest()
        node >>= 1
        last >>= 1
    if last:
        raise ValueError("the path is too short")
    return hash


def by_hand(receipt, entry, key):
    protected, unprotected, payload, signature = cbor2.loads(receipt).value
    header = cbor2.loads(protected)
    if payload is not None or header[1] != -8 or header[395] != 1:
        raise ValueError("not a detached EdDSA receipt over RFC9162_SHA256")
    size, index, path = cbor2.loads(unprotected[396][-1][0])
    computed = root(hashlib.sha256(b"\x00" + entry).digest(), index, size, path)
    key.verify(signature, cbor2.dumps(["Signature1", protected, b"", computed]))
    return size, index


def by_scitt_cose(receipt, entry, key):
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    result = verify_receipt(receipt, leaf_entry_hex=entry.hex(), log_public_key_pem=pem)
    if not result.ok:
        raise ValueError("; ".join(result.errors))
    return result.tree_size, result.leaf_index


def main(policy, *files):
    key = log_key(policy)
    verify = by_scitt_cose if verify_receipt else by_hand
    print("with scitt-cose" if verify_receipt else "with cbor2 and cryptography; scitt-cose is not installed")
    for receipt, entry in zip(files[::2], files[1::2]):
        try:
            size, index = verify(open(receipt, "rb").read(), open(entry, "rb").read(), key)
        except (ValueError, KeyError, TypeError, InvalidSignature) as failure:
            sys.exit(f"{receipt}: refused: {failure or type(failure).__name__}")
        print(f"entry {index} of {size}: verified")


if __name__ == "__main__":
    main(*sys.argv[1:])
