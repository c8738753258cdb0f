"""One-time codes from an app (TOTP, RFC 6238): six digits, thirty seconds, SHA-1."""

import hmac

import pyotp

STEP_S = 30
WINDOW = 1  # steps before and after, for clocks that are a little wrong
ISSUER = "Orca Agents"


def new_secret() -> str:
    """160 bits in base32."""
    return pyotp.random_base32()


def address(secret: str, name: str) -> str:
    """What an app reads from a picture: otpauth://totp/..."""
    return pyotp.TOTP(secret).provisioning_uri(name=name, issuer_name=ISSUER)


def step_of(secret: str, code: str, at_s: float, last_step: int) -> int | None:
    """The step that a code belongs to, None if it is wrong. One that was used, or one before it,
    is wrong too (RFC 6238, 5.2)."""
    digits = code.replace(" ", "")
    if not (digits.isascii() and digits.isdigit()):
        return None
    now = int(at_s) // STEP_S
    totp = pyotp.TOTP(secret)
    for step in range(now - WINDOW, now + WINDOW + 1):
        if step > last_step and hmac.compare_digest(totp.generate_otp(step), digits):
            return step
    return None
