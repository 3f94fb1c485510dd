# SPDX-License-Identifier: MIT
"""sign - governance messages, made and signed without a line of our C code.

  in   fields, secrets
  out  payloads (bytes) and their gov_id, by PROTOCOL 3 and 4 as read by people
  owns nothing

Signatures come from python3-cryptography. What is wrong on purpose is made by
the tests, from these.
"""
import hashlib
import json
import math
import os
import re
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, utils

CURVE_ORDER = \
    0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141

QUALIFICATION = {
    "contact_info": {"contact_email": "ops@example.com"},
    "hashpower_proof": {"percentage": 35.0, "time_period_days": 30},
}


class Key:
    """A key of either scheme; `secret` is 32 bytes, random by default."""

    def __init__(self, secret=None, scheme="secp256k1"):
        self.scheme = scheme
        secret = secret or os.urandom(32)
        if scheme == "secp256k1":
            self.private = ec.derive_private_key(
                int.from_bytes(secret, "big"), ec.SECP256K1())
            public = self.private.public_key().public_bytes(
                serialization.Encoding.X962,
                serialization.PublicFormat.CompressedPoint)
        else:
            self.private = ed25519.Ed25519PrivateKey.from_private_bytes(secret)
            public = self.private.public_key().public_bytes(
                serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.public = public.hex()

    def sign(self, text):
        """The signature of TEXT: 128 hex characters, low s."""
        if self.scheme != "secp256k1":
            return self.private.sign(text.encode()).hex()
        der = self.private.sign(text.encode(), ec.ECDSA(hashes.SHA256()))
        r, s = utils.decode_dss_signature(der)
        return "%064x%064x" % (r, min(s, CURVE_ORDER - s))


def canonical_number(value):
    """PROTOCOL 3.4: a double that is not an integer literal."""
    if not math.isfinite(value):
        raise ValueError("no number of JSON: %s" % value)
    sign, digits, exponent = re.fullmatch(
        r"(-?)(\d+(?:\.\d+)?)(?:e([+-]\d+))?", repr(value)).groups()
    whole, _, fraction = digits.partition(".")
    point = len(whole) + int(exponent or 0)
    digits = whole + fraction
    point -= len(digits) - len(digits.lstrip("0"))
    digits = digits.strip("0")
    if not digits:
        return sign + "0.0"
    if 0 < point <= 16:
        digits = digits.ljust(point, "0")
        return sign + digits[:point] + "." + (digits[point:] or "0")
    if -5 < point <= 0:
        return sign + "0." + "0" * -point + digits
    rest = "." + digits[1:] if len(digits) > 1 else ""
    return "%s%s%se%d" % (sign, digits[0], rest, point - 1)


def canonical(value, ordered=False):
    """PROTOCOL 3.4; keys sorted by bytes, or ORDERED as they stand."""
    if isinstance(value, dict):
        keys = list(value) if ordered else sorted(
            value, key=lambda key: key.encode())
        return "{%s}" % ",".join(
            canonical(key) + ":" + canonical(value[key], ordered)
            for key in keys)
    if isinstance(value, list):
        return "[%s]" % ",".join(canonical(item, ordered) for item in value)
    if isinstance(value, float):
        return canonical_number(value)
    return json.dumps(value, ensure_ascii=False)


def signing_string(command, fields, ordered=False):
    """PROTOCOL 3.3."""
    tail = "%s:%s:%s" % (fields["public_key"], fields["timestamp"],
                         fields["message_id"])
    if command == "econreg":
        text = canonical(fields["qualification_data"], ordered)
        return "economic_node_registration:%s:%s:%s:%s:%s:%s" % (
            fields["node_type"], fields["entity_name"], fields["public_key"],
            hashlib.sha256(text.encode()).hexdigest(), fields["timestamp"],
            fields["message_id"])
    if command == "econveto":
        return "economic_node_veto:%s:%s:%s" % (
            fields["pr_id"], fields["signal_type"], tail)
    return "economic_node_fork_decision:%s:%s" % (
        fields["chosen_ruleset"], tail)


class Message:
    """A payload under its command, with the fields that it was made from."""

    def __init__(self, command, fields, signed=None):
        self.command = command
        self.fields = fields
        self.payload = json.dumps(
            fields, separators=(",", ":"), ensure_ascii=False).encode()
        self.gov_id = signed and hashlib.sha256(signed.encode()).hexdigest()

    def with_fields(self, **changes):
        """A copy in which CHANGES were made after it was signed."""
        copy = Message(self.command, dict(self.fields, **changes))
        copy.gov_id = self.gov_id
        return copy


def message(key, command, fields, at=None, label=None):
    """FIELDS, completed and signed by KEY; AT seconds from now."""
    fields = dict(fields)
    fields["public_key"] = key.public
    fields["timestamp"] = int(time.time()) + (at or 0)
    fields["message_id"] = label or os.urandom(8).hex()
    text = signing_string(command, fields)
    fields["signature"] = key.sign(text)
    return Message(command, fields, text)


def registration(key, name="Test Pool", qualification=None, **rest):
    return message(key, "econreg", {
        "node_type": "mining_pool", "entity_name": name,
        "qualification_data": qualification or QUALIFICATION}, **rest)


def veto(key, pr=123, signal="veto", node_id=None, **rest):
    return message(key, "econveto", {
        "node_id": node_id, "pr_id": pr, "signal_type": signal}, **rest)


def fork(key, ruleset="core-27.0", reason="tested", **rest):
    return message(key, "econfork", {
        "node_id": None, "chosen_ruleset": ruleset,
        "decision_reason": reason}, **rest)


def status_query(public_key, request_id=None):
    if request_id is None:
        request_id = int.from_bytes(os.urandom(8), "big") >> 1
    return Message("econstatus", {
        "request_id": request_id, "node_identifier": public_key,
        "query_type": "by_public_key", "status": None})
