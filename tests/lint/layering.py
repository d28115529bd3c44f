#!/usr/bin/env python3
"""Fails where a folder includes from a layer that stands above it.

    layering.py ROOT            checks the tree; prints each breach as FILE:LINE
    layering.py --self-test     plants breaches in a small tree of its own, and fails where one is not found

The layers, lowest first: platform, config, outbox, reconcile, agent. A folder may include from itself and from those
before it. tests/ may include from all; nothing but tests/ may include from tests/. packaging/ includes nothing of the tree.
"""
import sys
import tempfile
from pathlib import Path

from sources import FOLDERS, cpp_files, includes

LAYERS = ["platform", "config", "outbox", "reconcile", "agent"]


def allowed(folder):
    if folder == "tests":
        return set(LAYERS) | {"tests"}
    if folder == "packaging":
        return set()
    return set(LAYERS[: LAYERS.index(folder) + 1])


def breaches(root):
    for path, name in cpp_files(root):
        folder = name.split("/")[0]
        for line, target, quoted in includes(path.read_text(encoding="utf-8")):
            into = target.split("/")[0]
            if into in FOLDERS and "/" in target:
                if into not in allowed(folder):
                    yield f"{name}:{line}: {folder}/ may not include {target}; it may include from: " + (
                        ", ".join(f for f in LAYERS + ["tests"] if f in allowed(folder)) or "nothing of the tree")
                elif not (Path(root) / target).is_file():
                    yield f"{name}:{line}: there is no file {target}"
            elif quoted:
                yield f'{name}:{line}: "{target}" is no path from the root; write it as folder/.../file.h'


def self_test():
    tree = {
        "platform/base/low.h": "#pragma once\n",
        "platform/base/up.cpp": '#include "platform/base/low.h"\n\n#include "outbox/mid.h"\n',
        "config/near.h": '#include "near_too.h"\n',
        "outbox/mid.h": '#include "platform/base/low.h"\n#include <reconcile/high.h>\n',
        "reconcile/high.h": '#include "tests/support/help.h"\n#  include "agent/top.h"\n',
        "agent/top.h": '#include "reconcile/high.h"\n#include "outbox/gone.h"\n',
        "tests/support/help.h": '#include "agent/top.h"\n// #include "agent/gone_too.h"\n',
        "packaging/tool.cpp": '#include "platform/base/low.h"\n',
    }
    expected = ["platform/base/up.cpp:3:", "config/near.h:1:", "outbox/mid.h:2:", "reconcile/high.h:1:",
                "reconcile/high.h:2:", "agent/top.h:2:", "packaging/tool.cpp:1:"]
    with tempfile.TemporaryDirectory() as root:
        for name, text in tree.items():
            file = Path(root) / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        found = sorted(line.split(" ")[0] for line in breaches(root))
    if found != sorted(expected):
        print(f"the planted breaches are {sorted(expected)}, but found were {found}")
        return 1
    print(f"all {len(expected)} planted breaches were found, and nothing else")
    return 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    if len(sys.argv) != 2 or not (Path(sys.argv[1]) / "platform").is_dir():
        print("usage: layering.py ROOT (the folder that holds platform/) or --self-test", file=sys.stderr)
        return 2
    found = list(breaches(sys.argv[1]))
    print("\n".join(found) if found else f"layering: {sum(1 for _ in cpp_files(sys.argv[1]))} files, no breach")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
