"""What every answer carries, whoever makes it."""

API_POLICY = "default-src 'none'; frame-ancestors 'none'"
ALWAYS = (
    ("X-Content-Type-Options", "nosniff"),
    # Nothing goes to other hosts; with no-referrer some WebKits send "Origin: null" to our own.
    ("Referrer-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
)
UNLESS_SAID = (("Content-Security-Policy", API_POLICY), ("Cache-Control", "no-store"))
