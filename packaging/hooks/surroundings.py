"""Run before the program: what it starts gets the surroundings that it was started with.

A packaged program finds its libraries by LD_LIBRARY_PATH, which its first instants set and every
program that it starts would inherit. Ollama, a slicer or the browser would then load our libraries
in place of the system's.
"""

import os
import sys

AUTHORITIES = (
    "/etc/ssl/certs/ca-certificates.crt",  # Debian, Ubuntu, Arch
    "/etc/pki/tls/certs/ca-bundle.crt",  # Fedora, RHEL
    "/etc/ssl/ca-bundle.pem",  # openSUSE
    "/etc/ssl/cert.pem",  # Alpine
)
if sys.platform == "linux":
    given = os.environ.pop("LD_LIBRARY_PATH_ORIG", None)
    if given is not None:
        os.environ["LD_LIBRARY_PATH"] = given
    else:
        os.environ.pop("LD_LIBRARY_PATH", None)
    # Our OpenSSL looks where Debian keeps the authorities. Elsewhere it is told.
    if not os.path.exists("/usr/lib/ssl/certs") and "SSL_CERT_FILE" not in os.environ:  # noqa: PTH110 - pathlib takes longer to import
        there = next(filter(os.path.exists, AUTHORITIES), None)
        if there:
            os.environ["SSL_CERT_FILE"] = there
