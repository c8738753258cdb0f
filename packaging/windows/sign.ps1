# A signature by the Windows SDK's signtool, for packaging/build.py:
#   $env:ORCA_SIGN_COMMAND = "powershell -NoProfile -File packaging/windows/sign.ps1"
# The certificate is in the user's store or on a token; ORCA_SIGN_THUMBPRINT says which. Its key and
# password never pass through here. Not tried on Windows yet.
param([Parameter(Mandatory = $true)][string]$File)

$ErrorActionPreference = "Stop"
if (-not $env:ORCA_SIGN_THUMBPRINT) {
    throw "ORCA_SIGN_THUMBPRINT names no certificate."
}
$server = if ($env:ORCA_SIGN_TIMESTAMP) { $env:ORCA_SIGN_TIMESTAMP } else { "http://timestamp.digicert.com" }

# A library that its maker signed keeps that signature.
if ((Get-AuthenticodeSignature -LiteralPath $File).Status -eq "Valid") {
    exit 0
}
& signtool sign /sha1 $env:ORCA_SIGN_THUMBPRINT /fd SHA256 /tr $server /td SHA256 /d "Orca Agents" $File
exit $LASTEXITCODE
