# SPDX-License-Identifier: Apache-2.0 OR MIT
"""DNS for a stub resolver, without I/O: names, messages, what a response means, framing on streams.  RFC 1035, 2308, 5452, 6891, 7766."""

from sws.proto.dns.framing import FrameDecoder, frame
from sws.proto.dns.message import Edns, Message, Question, Record, decode_message, encode_message, make_query
from sws.proto.dns.name import ROOT, NameDecoder, fold, is_within, name_from_text, name_to_text
from sws.proto.dns.response import MAX_CHAIN, MAX_NEGATIVE_TTL, MAX_TTL, Answer, Verdict, read_answer, validate_response
from sws.proto.dns.types import EDNS_PAYLOAD, MAX_MESSAGE, Opcode, RecordClass, RecordType, ResponseCode

__all__ = [
    "EDNS_PAYLOAD",
    "MAX_CHAIN",
    "MAX_MESSAGE",
    "MAX_NEGATIVE_TTL",
    "MAX_TTL",
    "ROOT",
    "Answer",
    "Edns",
    "FrameDecoder",
    "Message",
    "NameDecoder",
    "Opcode",
    "Question",
    "Record",
    "RecordClass",
    "RecordType",
    "ResponseCode",
    "Verdict",
    "decode_message",
    "encode_message",
    "fold",
    "frame",
    "is_within",
    "make_query",
    "name_from_text",
    "name_to_text",
    "read_answer",
    "validate_response",
]
