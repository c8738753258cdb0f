#!/bin/sh
# A signature with the hardened runtime, for packaging/build.py:
#   ORCA_SIGN_COMMAND=packaging/macos/sign.sh ORCA_SIGN_IDENTITY="Developer ID Application: ..."
# The key stays in the keychain. Not tried on macOS yet.
set -eu

if [ "$#" -ne 1 ] || [ ! -e "$1" ]; then
  echo "usage: $0 FILE" >&2
  exit 2
fi
: "${ORCA_SIGN_IDENTITY:?names no identity of the keychain}"
here="$(cd "$(dirname "$0")" && pwd)"

case "$1" in
  *.dmg) codesign --force --timestamp --sign "$ORCA_SIGN_IDENTITY" "$1" ;;
  *)
    codesign --force --timestamp --options runtime \
      --entitlements "$here/entitlements.plist" --sign "$ORCA_SIGN_IDENTITY" "$1"
    ;;
esac
