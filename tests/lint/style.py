#!/usr/bin/env python3
"""The rules of style that a machine can check.

    style.py ROOT            checks the tree; prints each finding as FILE:LINE
    style.py --self-test     plants one breach of every rule in a small tree of its own, and fails where one is not found
"""
import re
import sys
import tempfile
from pathlib import Path

from sources import code_only, cpp_files, includes

LINES_MAX = 500
PRODUCTION = ("platform/", "config/", "outbox/", "reconcile/", "agent/")

# Each third-party header has one home: (what it is called, the header, where it may be included besides tests/).
HOMES = [
    ("libjq", r"j[qv]\.h$", ("platform/jq/",)),
    ("SQLite", r"sqlite3\.h", ("platform/sqlite/",)),
    ("curl", r"curl/", ("platform/http/", "platform/transfer/")),
    ("spdlog", r"spdlog/", ("platform/log/",)),
    ("OpenSSL", r"openssl/", ("platform/crypto/", "platform/tls/")),
    ("Boost.JSON", r"boost/json", ("platform/json/",)),
    ("toml++", r"toml(\+\+|plusplus)?[/.]", ("config/",)),
    ("cereal", r"cereal/", ("outbox/document/",)),
    ("Beast and Asio", r"boost/(asio|beast)", ("agent/http_server/",)),
    ("CLI11", r"CLI/", ("agent/cli/",)),
    ("prometheus-cpp", r"prometheus/", ("agent/ops_api/",)),
    ("pugixml", r"pugi(xml|config)\.hpp", ("agent/poslog/",)),
    ("doctest", r"doctest/", ()),
    ("rapidcheck", r"rapidcheck", ()),
    ("operating-system", r"(sys|netinet|arpa|net|linux)/|(unistd|fcntl|poll|signal|dlfcn|pwd|grp|netdb|termios|pthread|"
     r"sched|syslog|windows|winsock2)\.h$", ("platform/linux/", "platform/windows/")),
]
HOMES = [(name, re.compile(header), homes) for name, header, homes in HOMES]

OS_SWITCH = re.compile(r"^\s*#\s*(?:if|ifdef|ifndef|elif)\b.*\b(_WIN32|WIN32|_WIN64|_MSC_VER|__linux__|__unix__|__APPLE__)\b")
# Time and chance come in as Clock& and Random&.
CHANCE = re.compile(
    r"(_clock::now\b|\bsleep_(?:for|until)\b|\brandom_device\b|\bmt19937|\b(?:u|nano)?sleep\s*\(|\bs?rand\s*\(|"
    r"\bgettimeofday\b|\bclock_gettime\b|\bstd::time\s*\(|(?<![\w:.>])time\s*\(\s*(?:nullptr|NULL|0)\s*\))")
LEFT_OPEN = re.compile(r"\b(TODO|FIXME)\b")


def findings_in(name, text):
    lines = text.splitlines()
    if name.startswith(PRODUCTION) and len(lines) > LINES_MAX:
        yield f"{name}:{len(lines)}: {len(lines)} lines; a file has {LINES_MAX} at most: give it one idea"
    if name.endswith(".h") and "#pragma once" not in lines:
        yield f"{name}:1: a header has a line #pragma once"
    for number, line in enumerate(lines, 1):
        found = LEFT_OPEN.search(line)
        if found:
            yield f"{name}:{number}: {found.group(1)} is left; do it, or write down in a DESIGN.md why not"
    if name.startswith("tests/"):
        return
    for number, target, _ in includes(text):
        for what, header, homes in HOMES:
            if header.match(target) and not name.startswith(homes):
                yield f"{name}:{number}: <{target}>: {what} headers are only included in " + (
                    " and ".join(homes) or "tests/")
    if name.startswith("platform/"):
        return
    for number, line in enumerate(code_only(text).splitlines(), 1):
        found = OS_SWITCH.match(line)
        if found:
            yield f"{name}:{number}: {found.group(1)}: what differs by system belongs into platform/"
        found = CHANCE.search(line)
        if found:
            yield f"{name}:{number}: {found.group(1).strip()}: take Clock& or Random& instead (platform/base)"


def findings(root):
    for path, name in cpp_files(root):
        yield from findings_in(name, path.read_text(encoding="utf-8"))


def self_test():
    tree = {
        "agent/long.cpp": "\n" * (LINES_MAX + 1),
        "agent/bare.h": "int x;\n",
        "config/open.cpp": "int x;  // TODO later\n",
        "outbox/system.cpp": "#ifdef _WIN32\n#endif\n",
        "outbox/now.cpp": "auto t = std::chrono::system_clock::now();\n",
        "agent/sleep.cpp": "// it may sleep_for( in a comment\nvoid f() { std::this_thread::sleep_for(x); }\n",
        "reconcile/dice.cpp": 'const char* s = "random_device"; /* rand() */\nint n = rand();\n',
        "platform/log/good.cpp": "#include <spdlog/spdlog.h>\nauto t = std::chrono::steady_clock::now();\n",
        "tests/support/good.cpp": "#include <sys/socket.h>\n#include <sqlite3.h>\n",
        "agent/thousands.cpp": "constexpr int kMany = 10'000; int f() { return 0; }\n",
    }
    expected = [f"agent/long.cpp:{LINES_MAX + 1}:", "agent/bare.h:1:", "config/open.cpp:1:", "outbox/system.cpp:1:",
                "outbox/now.cpp:1:", "agent/sleep.cpp:2:", "reconcile/dice.cpp:2:"]
    headers = ["jq.h", "sqlite3.h", "curl/curl.h", "spdlog/spdlog.h", "openssl/evp.h", "boost/json.hpp", "toml++/toml.h",
               "cereal/cereal.hpp", "boost/asio/post.hpp", "CLI/CLI.hpp", "prometheus/counter.h", "pugixml.hpp", "doctest/doctest.h",
               "rapidcheck.h", "unistd.h"]
    assert len(headers) == len(HOMES)
    for number, header in enumerate(headers):
        tree[f"reconcile/home_{number}.cpp"] = f"\n#include <{header}>\n"
        expected.append(f"reconcile/home_{number}.cpp:2:")
    with tempfile.TemporaryDirectory() as root:
        for name, text in tree.items():
            file = Path(root) / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        found = sorted(line.split(" ")[0] for line in findings(root))
    if found != sorted(expected):
        print(f"missed: {sorted(set(expected) - set(found))}; wrongly found: {sorted(set(found) - set(expected))}")
        return 1
    print(f"all {len(expected)} planted findings were found, and nothing else")
    return 0


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    if len(sys.argv) != 2 or not (Path(sys.argv[1]) / "platform").is_dir():
        print("usage: style.py ROOT (the folder that holds platform/) or --self-test", file=sys.stderr)
        return 2
    found = list(findings(sys.argv[1]))
    print("\n".join(found) if found else f"style: {sum(1 for _ in cpp_files(sys.argv[1]))} files, nothing found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
