#!/bin/sh
# One file of the AppDir that packaging/build.py made: packaging/linux/appimage.sh dist/NAME.AppDir
#
# Needs appimagetool on the PATH (its own releases, https://github.com/AppImage/appimagetool). It
# fetches the runtime that the file begins with, or takes the one that ORCA_APPIMAGE_RUNTIME names.
# SIGN=1 signs with the default key of gpg.
set -eu

if [ "$#" -ne 1 ] || [ ! -x "$1/AppRun" ]; then
  echo "usage: $0 NAME.AppDir" >&2
  exit 2
fi
command -v appimagetool >/dev/null || { echo "appimagetool is not on the PATH" >&2; exit 1; }

set -- "$1" "${1%.AppDir}.AppImage"
machine="$(uname -m)"
[ -z "${ORCA_APPIMAGE_RUNTIME:-}" ] || set -- --runtime-file "$ORCA_APPIMAGE_RUNTIME" "$@"
[ -z "${SIGN:-}" ] || set -- --sign "$@"
ARCH="$machine" exec appimagetool --comp zstd "$@"
