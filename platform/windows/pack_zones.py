#!/usr/bin/env python3
"""Compiles the rules of all time zones (Debian package tzdata) and packs them into one file for the program to carry.

    pack_zones.py TZDATA_ZI OUT

For each zone: the sizes of its name and of its rules (32 bits, little-endian), the name, the rules (RFC 8536).
"""
import struct
import subprocess
import sys
import tempfile
from pathlib import Path


def main():
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    source, out = Path(sys.argv[1]), Path(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["/usr/sbin/zic", "-b", "slim", "-d", folder, str(source)], check=True)
        zones = sorted((path.relative_to(folder).as_posix(), path.read_bytes()) for path in Path(folder).rglob("*") if path.is_file())
    if len(zones) < 300:
        print(f"pack_zones.py: {source} has only {len(zones)} zones", file=sys.stderr)
        return 1
    with open(out, "wb") as file:
        for name, rules in zones:
            file.write(struct.pack("<II", len(name), len(rules)) + name.encode() + rules)
    return 0


if __name__ == "__main__":
    sys.exit(main())
