#!/bin/sh
# Installs the Debian packages that are named and absent: as root, or by sudo where it needs no password.
# Otherwise prints the one line to run. Elsewhere (macOS, Windows) sounddevice brings PortAudio along.
set -eu
command -v dpkg-query >/dev/null 2>&1 || exit 0
missing=""
for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q "install ok installed" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ]; then
    sudo=""
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
    sudo="sudo"
else
    echo "These system packages are missing; please run:  sudo apt-get install -y$missing" >&2
    exit 1
fi
echo "Installing$missing" >&2
# The package lists of a fresh machine may be empty or old.
$sudo env DEBIAN_FRONTEND=noninteractive sh -c "apt-get install -y -qq$missing || { apt-get update -qq && apt-get install -y -qq$missing; }" >/dev/null
