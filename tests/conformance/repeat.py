"""The command line by which a person repeats a query of the exam: kdig where it can say it, else bash with its octets."""

import shlex

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdataclass
import dns.rdatatype

from acmedns_py.dns.responder import Transport

_FLAGS = {
    dns.flags.AA: "aaflag",
    dns.flags.TC: "tcflag",
    dns.flags.RD: "recurse",
    dns.flags.RA: "raflag",
    0x0040: "zflag",
    dns.flags.AD: "adflag",
    dns.flags.CD: "cdflag",
}


def command(octets: bytes, host: str, port: int, transport: Transport) -> str:
    """Give a line for the shell that sends the same query."""
    return _kdig(octets, host, port, transport) or _raw(octets, host, port, transport)


def _kdig(octets: bytes, host: str, port: int, transport: Transport) -> str:
    try:
        asked = dns.message.from_wire(octets)
    except (dns.exception.DNSException, ValueError):
        return ""
    plain = len(asked.question) == 1 and not asked.flags & dns.flags.QR and not asked.answer and not asked.authority
    if not plain or asked.additional or asked.opcode() or asked.rcode() or asked.edns > 0 or asked.ednsflags & 0x7FFF:
        return ""
    (question,) = asked.question
    words = ["kdig", f"@{host}", "-p", str(port), "+noidn", "-q", shlex.quote(str(question.name))]
    words += ["-t", f"TYPE{int(question.rdtype)}", "-c", f"CLASS{int(question.rdclass)}", "+nocookie"]
    words += [f"+{'' if asked.flags & flag else 'no'}{word}" for flag, word in _FLAGS.items()]
    words += ["+tcp" if transport is Transport.TCP else "+ignore"]
    if asked.edns == 0:
        words += [f"+bufsize={asked.payload}", "+dnssec" if asked.ednsflags else "+nodnssec"]
        words += [f"+ednsopt={int(option.otype)}:{option.to_wire().hex()}" for option in asked.options]
    else:
        words.append("+noedns")
    return " ".join(words)


def _raw(octets: bytes, host: str, port: int, transport: Transport) -> str:
    sent = (len(octets).to_bytes(2, "big") if transport is Transport.TCP else b"") + octets
    escaped = "".join(f"\\x{octet:02x}" for octet in sent)
    return f"exec 3<>/dev/{transport.value}/{host}/{port}; printf '{escaped}' >&3; timeout 2 cat <&3 | od -An -tx1"
