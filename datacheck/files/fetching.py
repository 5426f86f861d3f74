"""Say how to copy the files of a URL to this machine: datacheck opens no connections."""

from __future__ import annotations

FETCH = {
    "s3": "'aws s3 cp --recursive' or s3fs",
    "gs": "'gcloud storage cp --recursive' or gcsfuse",
    "hf": "'hf download'",
    "http": "curl",
    "https": "curl",
}
"""Tool that copies files from a URL, by its scheme."""


def fetch_advice(scheme: str) -> str:
    """Return the advice for a URL of this scheme.

    >>> fetch_advice("https"), fetch_advice("ftp")
    ('copy or mount it first, with curl for example', 'copy or mount it first')
    """
    hint = f", with {FETCH[scheme]} for example" if scheme in FETCH else ""
    return f"copy or mount it first{hint}"
