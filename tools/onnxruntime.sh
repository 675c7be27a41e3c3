#!/usr/bin/env bash
# Puts the pinned ONNX Runtime library at vendor/onnxruntime/<arch>/libonnxruntime.so.<version>.
#
#   tools/onnxruntime.sh [--arch x86_64|aarch64] [--wheel FILE] [--quiet]
#
# The library is taken out of the `onnxruntime` Python wheel, which pip fetches by package name from
# whichever index this machine is set up for; nothing is installed. Wheel and library are compared
# with the checksums below. Does nothing where the right library is there already.
# Exit codes: 0 in place, 1 could not be had, 2 wrong usage.
set -euo pipefail

version=1.32.0
python_version=3.11

arch=$(uname -m)
wheel=""
quiet=""
usage() { sed -n '2,9s/^# \{0,1\}//p' "$0"; }
while [ $# -gt 0 ]; do
  case $1 in
    --arch) arch=${2:?--arch wants x86_64 or aarch64}; shift 2 ;;
    --wheel) wheel=${2:?--wheel wants a file}; shift 2 ;;
    --quiet) quiet=yes; shift ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
  esac
done

say() { [ -n "$quiet" ] || printf '%s\n' "$*"; }
fail() { printf 'onnxruntime.sh: %s\n' "$@" >&2; exit 1; }

case $arch in
  x86_64 | amd64)
    arch=x86_64
    wheel_sha256=5a34fc4dfeb5a7b4a74c95dcba1e773d722abda720b474edf1b0c419dc6d163d
    library_sha256=6c1585d1bbf45b0712ea4a21b705c5fcb4ba04ff2e30f1fbf81a49faf658638f ;;
  aarch64 | arm64)
    arch=aarch64
    wheel_sha256=2303372a85299b6757b0e11e1cbf13e410ddf7e10c37f4b37e99d1c90e7daf7c
    library_sha256=49852228a93995158b2a813d4df487d47a1b76b0eaa894507ef49e91b6d7954a ;;
  *)
    fail "no ONNX Runtime is pinned for the machine type '$arch' (only x86_64 and aarch64)." \
      "build or install one for it and give the file as --onnxruntime FILE or ORT_DYLIB_PATH, or as runtime.library in the file given to --config." ;;
esac

if command -v sha256sum >/dev/null; then
  checksum() { sha256sum -- "$1" | cut -d' ' -f1; }
elif command -v shasum >/dev/null; then
  checksum() { shasum -a 256 -- "$1" | cut -d' ' -f1; }
else
  fail "neither sha256sum nor shasum is installed; nothing is taken without its checksum."
fi

project=$(cd "$(dirname "$0")/.." && pwd)
folder=$project/vendor/onnxruntime/$arch
library=$folder/libonnxruntime.so.$version

if [ -f "$library" ]; then
  if [ "$(checksum "$library")" = "$library_sha256" ]; then
    say "ONNX Runtime $version is in place: $library"
    exit 0
  fi
  say "$library has a wrong checksum (a broken download?): fetching it anew"
fi

command -v python3 >/dev/null ||
  fail "python3 is not installed; it fetches and unpacks the library (Debian, Ubuntu: apt install python3 python3-pip)."

mkdir -p "$folder" || fail "cannot create $folder"
# Beside the goal, so that the rename at the end stays within one file system and is atomic.
work=$(mktemp -d "$folder/.fetch.XXXXXX")
trap 'rm -rf "$work"; rmdir "$folder" 2>/dev/null || true' EXIT

if [ -z "$wheel" ]; then
  python3 -m pip --version >/dev/null 2>&1 ||
    fail "'python3 -m pip' does not run; it fetches the library (Debian, Ubuntu: apt install python3-pip)." \
      "or fetch the wheel onnxruntime $version (cp311, manylinux_2_28_$arch) elsewhere and give it with --wheel FILE."
  say "fetching ONNX Runtime $version for $arch (about 25 MB) ..."
  if ! python3 -m pip download --disable-pip-version-check --no-input --quiet --retries 2 --timeout 30 \
    --no-deps --only-binary=:all: --platform "manylinux_2_28_$arch" --python-version "$python_version" \
    -d "$work" "onnxruntime==$version" >"$work/pip.log" 2>&1; then
    tail -n 3 "$work/pip.log" | sed 's/^/  pip: /' >&2
    fail "pip could not fetch onnxruntime $version: is this machine offline, or is its package index set wrongly?" \
      "on a machine without network, fetch the wheel elsewhere:" \
      "  python3 -m pip download --no-deps --only-binary=:all: --platform manylinux_2_28_$arch --python-version $python_version onnxruntime==$version" \
      "and give it here: tools/onnxruntime.sh --arch $arch --wheel FILE" \
      "or give a library (1.20 or newer) that you have: --onnxruntime FILE, ORT_DYLIB_PATH, or runtime.library in the file given to --config."
  fi
  set -- "$work"/onnxruntime-*.whl
  wheel=$1
fi
[ -f "$wheel" ] || fail "there is no wheel $wheel"

found=$(checksum "$wheel")
[ "$found" = "$wheel_sha256" ] ||
  fail "the wheel $(basename "$wheel") is not the pinned one: nothing was installed." \
    "  expected sha256 $wheel_sha256" "  found    sha256 $found"

python3 - "$wheel" "$work" "$version" <<'PYTHON' || fail "cannot unpack $wheel"
import pathlib, sys, zipfile

wheel, folder, version = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
with zipfile.ZipFile(wheel) as archive:
    for member, name in {
        f"onnxruntime/capi/libonnxruntime.so.{version}": "library",
        "onnxruntime/LICENSE": "LICENSE",
        "onnxruntime/ThirdPartyNotices.txt": "ThirdPartyNotices.txt",
    }.items():
        (folder / name).write_bytes(archive.read(member))
PYTHON

found=$(checksum "$work/library")
[ "$found" = "$library_sha256" ] ||
  fail "the library in $(basename "$wheel") is not the pinned one: nothing was installed." \
    "  expected sha256 $library_sha256" "  found    sha256 $found"

chmod 755 "$work/library"
mv -f "$work/LICENSE" "$work/ThirdPartyNotices.txt" "$folder/"
mv -f "$work/library" "$library"
say "ONNX Runtime $version is in place: $library"
