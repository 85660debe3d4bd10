"""Urls: text in, the same without user, password and signing parameters out."""

from __future__ import annotations

import re

# Compiled when they are first used: most starts of the program show no url.
_CREDENTIAL = r"(?i)([?&][^=&]*(?:sig|token|secret|password|credential|key|auth)[^=&]*=)[^&#]*"
_URL = r"[A-Za-z][A-Za-z0-9+.-]*://[^\s'\"<>`]+"


def without_credentials(url: str) -> str:
    """Take user, password and signing parameters out of *url*."""
    # Loads slowly, and most of what is looked up has no url.
    from urllib.parse import urlsplit, urlunsplit

    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    bare = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    return re.sub(_CREDENTIAL, r"\1***", bare)


def without_credentials_inside(text: str) -> str:
    """Take user, password and signing parameters out of every url in *text*."""
    return re.sub(_URL, lambda found: without_credentials(found.group()), text)
