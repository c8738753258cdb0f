#!/bin/sh
# Has Apple look at an application or a disk image, and puts its answer into it:
#   ORCA_NOTARY_PROFILE=name packaging/macos/notarise.sh FILE
#
# The profile is made once, and keeps the password in the keychain:
#   xcrun notarytool store-credentials name --apple-id ... --team-id ...
# Not tried on macOS yet.
set -eu

if [ "$#" -ne 1 ] || [ ! -e "$1" ]; then
  echo "usage: $0 FILE" >&2
  exit 2
fi
: "${ORCA_NOTARY_PROFILE:?names no profile of notarytool}"

sent="$1"
if [ -d "$1" ]; then
  sent="${1%.app}.zip"
  ditto -c -k --keepParent "$1" "$sent"
fi
xcrun notarytool submit "$sent" --keychain-profile "$ORCA_NOTARY_PROFILE" --wait --timeout 30m
xcrun stapler staple "$1"
spctl --assess --type "$([ -d "$1" ] && echo execute || echo open)" --context context:primary-signature "$1"
[ "$sent" = "$1" ] || rm -f "$sent"
