"""Describe the payloads that a profile names, also those of an earlier report that this version does not know."""

from __future__ import annotations

from datacheck.decoders import Payload, is_decoder, payload


def payload_row(decoder: str) -> Payload:
    """Return the row of a payload; for an unknown name, return a row with that name as its title.

    >>> payload_row("npy").title, payload_row("newer {x}").title.format(field="data")
    ('.npy arrays', 'newer {x}')
    """
    if is_decoder(decoder):
        return payload(decoder)
    return Payload(("", ""), decoder, title=decoder.replace("{", "{{").replace("}", "}}"))
