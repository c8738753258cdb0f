"""Whether a file that speaks for an administrator was put there by one."""

import os
import stat
import sys
from pathlib import Path

ROOT = 0
# SYSTEM, the group Administrators, and TrustedInstaller.
ADMINISTRATORS = {
    "S-1-5-18",
    "S-1-5-32-544",
    "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464",
}
FILE_OBJECT, OWNER = 1, 1  # SE_FILE_OBJECT, OWNER_SECURITY_INFORMATION


def why_not_trusted(file: Path, *, owner: int = ROOT) -> str | None:
    """What speaks against it, without a full stop; None if it can be followed."""
    try:
        return _why_not_here(file) if os.name == "nt" else _why_not(file, owner)
    except OSError as err:
        return f"who owns it cannot be seen ({err.strerror})"


def _why_not(file: Path, owner: int) -> str | None:
    real = file.resolve()
    for one in (file.parent, real.parent, real):
        facts = one.stat()
        if facts.st_uid != owner:
            return f"{one} belongs to another user than root"
        if facts.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return f"{one} can be written by others than root"
    return None


def _why_not_here(file: Path) -> str | None:
    """On Windows, where every user may make folders beside those of all users. Not yet proved on
    a Windows machine."""
    for one in (file.parent, file):
        attributes = getattr(one.lstat(), "st_file_attributes", 0)
        if attributes & stat.FILE_ATTRIBUTE_REPARSE_POINT:
            return f"{one} is a link"
        if _owner_sid(one) not in ADMINISTRATORS:
            return f"{one} belongs to a user who is no administrator"
    return None


def _owner_sid(path: Path) -> str:
    """Who owns it, as Windows writes that down. Raises OSError."""
    if sys.platform != "win32":
        raise OSError(0, "this is not Windows")
    import ctypes  # slow import
    from ctypes import wintypes  # slow import

    advapi32 = ctypes.WinDLL("advapi32", use_last_error=True)
    local_free = ctypes.WinDLL("kernel32").LocalFree
    local_free.argtypes = (ctypes.c_void_p,)
    look_up, to_text = advapi32.GetNamedSecurityInfoW, advapi32.ConvertSidToStringSidW
    pointers = (ctypes.c_void_p,) * 5
    look_up.argtypes = (wintypes.LPCWSTR, ctypes.c_int, wintypes.DWORD, *pointers)
    look_up.restype = wintypes.DWORD
    to_text.argtypes, to_text.restype = (ctypes.c_void_p, ctypes.c_void_p), wintypes.BOOL
    sid, told, text = ctypes.c_void_p(), ctypes.c_void_p(), wintypes.LPWSTR()
    wanted = (ctypes.byref(sid), None, None, None, ctypes.byref(told))
    if error := look_up(str(path), FILE_OBJECT, OWNER, *wanted):
        raise ctypes.WinError(error)
    try:
        if not to_text(sid, ctypes.byref(text)):
            raise ctypes.WinError(ctypes.get_last_error())
        return text.value or ""
    finally:
        local_free(told)
        local_free(text)
