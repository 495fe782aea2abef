#!/usr/bin/env bash
# TimescaleDB's Apache edition: Debian 13 carries it, and nothing that can be installed on Debian 12 does. So a folder with as much of
# Debian 13 as the server needs is made once for a machine, and the tests start the server in it by chroot (harness/postgres).
set -euo pipefail

suite=trixie
package=postgresql-17-timescaledb
cache=${DAVY_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/davy-tests}
folder=$cache/$suite-timescaledb
# Written last. Another text than this means that the folder was made for another version of this script.
mark="$suite $package 1"

mkdir -p "$cache"
# Two runs at once: the second waits for what the first makes.
exec 9>"$cache/lock"
flock 9

# Data folders of tests that were killed; a server that runs is younger.
[ ! -d "$folder/srv" ] || find "$folder/srv" -mindepth 1 -maxdepth 1 -mmin +1440 -exec rm -rf {} +
if [ "$(cat "$folder/complete" 2>/dev/null)" = "$mark" ]; then exit 0; fi
[ "$(id -u)" = 0 ] || { echo "TimescaleDB's server: run tests/trixie.sh as root once, it makes $folder" >&2; exit 1; }

# From where this machine takes its own packages, so that a mirror and what stands before it are honoured.
mirror=$(apt-get indextargets --format '$(LABEL) $(SITE)' 'Created-By: Packages' | sed -n 's/^Debian //p' | head -n 1)
[ -n "$mirror" ] || { echo "no mirror of Debian among the sources of apt" >&2; exit 1; }
echo "== $suite with $package from $mirror into $folder"

building=$folder.building
# It may hold a mount of a run that was interrupted: nothing behind such a one is to be removed.
umount "$building/proc" "$building/sys" 2>/dev/null || true
rm -rf --one-file-system "$building"
trap 'umount "$building/proc" "$building/sys" 2>/dev/null || true; rm -rf --one-file-system "$building"' EXIT
debootstrap --variant=minbase --include="$package" "$suite" "$building" "$mirror" >"$cache/$suite.log" 2>&1 \
  || { tail -n 20 "$cache/$suite.log" "$building/debootstrap/debootstrap.log" >&2; exit 1; }
# A third of it is of no use to a server.
rm -rf "$building"/var/cache/apt/* "$building"/var/lib/apt/lists/* "$building"/usr/share/{doc,man,locale,i18n}
echo "$mark" >"$building/complete"
rm -rf --one-file-system "$folder"
mv "$building" "$folder"
