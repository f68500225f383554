"""What is wrong with a certificate, in words."""

from __future__ import annotations

import ssl


def certificate_words(error: BaseException) -> str:
    """Say what failed: that the certificate has expired, is of another name, or is vouched for by nobody known here.

    Parameters
    ----------
    error : exception
        As a client library raises it; the one of the TLS library may be inside.

    Returns
    -------
    str
        The verifier's own words where it was the certificate, else the error's.
    """
    inner = getattr(error, "certificate_error", None) or error.__cause__ or error
    if isinstance(inner, ssl.SSLCertVerificationError) and inner.verify_message:
        return f"its certificate is refused: {inner.verify_message}"
    return str(error)
