#!/usr/bin/env python3
"""What the operator's guide (packaging/docs) names must be there: commands, options, settings, metrics, log events, files, anchors.

    guide.py ROOT TILLSYNC              checks the guide against the built program and the tree; prints each finding
    guide.py --self-test ROOT TILLSYNC  breaks a copy of the guide in every way that counts, and fails where a breach is not found

Commands stand in ```sh blocks and in `code` that begins with "tillsync": each is looked up in the program's own --help, level by level.
Settings stand in ```toml blocks, as `[section] key`, `[section]` or `a_key`: the example file has them all. Any other `snake_case`
or `dotted.name` has to be a text in the program's sources, a metric one of agent/ops_api.
"""
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from functools import lru_cache
from pathlib import Path

DOCS = "packaging/docs"
EXAMPLE = "config/tillsync.example.toml"
SOURCES = ("agent", "config", "outbox", "platform", "reconcile")

FENCE = re.compile(r"^ *```(\w*) *\n(.*?)^ *```", re.M | re.S)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
METRIC = re.compile(r"\btillsync_[a-z_]+\b(?![*/.])")


@lru_cache(maxsize=None)
def help_of(program, words):
    """(subcommands, options) of a command."""
    text = subprocess.run([program, *words, "--help"], capture_output=True, text=True, check=True).stdout
    below = text.partition("\nSubcommands:\n")[2].partition("\nExamples:")[0]
    return set(re.findall(r"^  ([a-z][a-z-]*)", below, re.M)), set(re.findall(r"(?<!\S)--[a-z][a-z-]*", text))


def simple_commands(line):
    """The commands of a shell line, each as its words, as far as they can be told apart without a shell."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|;&><")
    lexer.whitespace_split = True
    words = []
    for word in lexer:
        if set(word) <= set("|;&"):
            yield words
            words = []
        else:
            words.append(word)
    yield words


def command_findings(program, words):
    """Of one command that begins with tillsync."""
    level = []
    for place, word in enumerate(words[1:]):
        subcommands, options = help_of(program, tuple(level))
        if word.startswith("--"):
            if word.partition("=")[0] not in options | {"--help"}:
                yield f"`tillsync {' '.join(level)}` has no option {word}"
        elif subcommands and place == len(level):
            if word.isupper():
                return
            if word not in subcommands:
                yield f"`tillsync {' '.join(level)}` has no command {word}"
                return
            level.append(word)


def pattern(section):
    """Names that the operator chooses do not count: targets.erp.auth is targets.*.auth."""
    parts = section.split(".")
    if parts[0] in ("targets", "intake") and len(parts) > 1:
        parts[1] = "*"
    return ".".join(parts)


def known_settings(root):
    settings = {}
    section = ""
    for line in (root / EXAMPLE).read_text(encoding="utf-8").splitlines():
        heading = re.match(r"#?\[([a-z_.]+)\]$", line)
        if heading:
            section = pattern(heading.group(1))
            settings.setdefault(section, set())
        key = re.match(r"#?([a-z_0-9]+) = ", line)
        if key:
            settings.setdefault(section, set()).add(key.group(1))
    return settings


def toml_findings(settings, text):
    def walk(table, path):
        section = pattern(".".join(path))
        for key, value in table.items():
            if isinstance(value, dict) and pattern(".".join([*path, key])) in settings:
                yield from walk(value, [*path, key])
            elif isinstance(value, dict) and path == []:
                yield f"there is no section [{key}]" if key not in ("targets", "intake") else ""
                yield from (finding for name, inner in value.items() for finding in walk(inner, [key, name]))
            elif key not in settings.get(section, set()):
                yield f"[{section}] has no key {key}"
    yield from filter(None, walk(tomllib.loads(text), []))


def literals(root):
    """Every text in double quotes of the production sources."""
    found = set()
    for folder in SOURCES:
        for path in (root / folder).rglob("*"):
            if path.suffix in (".cpp", ".h"):
                found.update(re.findall(r'"([^"\n]*)"', path.read_text(encoding="utf-8")))
    return found


def span_findings(span, settings, texts):
    keys = set().union(*settings.values())
    named = re.fullmatch(r"\[([a-z_.]+)\](?: ([a-z_0-9]+))?", span)
    if named:
        section, key = pattern(named.group(1)), named.group(2)
        if section not in settings:
            yield f"there is no section [{section}]"
        elif key and key not in settings[section]:
            yield f"[{section}] has no key {key}"
    elif span.startswith("tillsync_"):
        return  # a metric
    elif re.fullmatch(r"[a-z]+(_[a-z0-9]+)+", span):
        if span not in keys and span not in texts:
            yield f"`{span}` is neither a setting nor a name that the program knows"
    elif re.fullmatch(r"[a-z_]+\.[a-z_]+", span) and not span.startswith("."):
        if not any(text.endswith(span) for text in texts):
            yield f"`{span}` is no name that the program knows"


def slug(heading):
    return re.sub(r"[^a-z0-9 _-]", "", heading.lower()).replace(" ", "-")


def link_findings(root, page, text):
    for link in LINK.findall(text):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page.resolve()
        if not target.exists():
            yield f"there is no {link}"
        elif anchor and target.suffix == ".md":
            headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.M)
            if anchor not in map(slug, headings):
                yield f"there is no heading for {link}"


def findings(root, program):
    settings, texts = known_settings(root), literals(root)
    counted = 0
    for page in sorted((root / DOCS).glob("*.md")):
        text = page.read_text(encoding="utf-8")
        prose = FENCE.sub("", text)
        lines = [span for span in SPAN.findall(prose) if span.startswith("tillsync ")]
        for language, block in FENCE.findall(text):
            if language == "sh":
                lines += block.replace("\\\n", " ").splitlines() if "'\n" not in block else [block.replace("\n", " ")]
            if language == "toml":
                indent = min((len(line) - len(line.lstrip()) for line in block.splitlines() if line.strip()), default=0)
                clean = "\n".join(line[indent:] for line in block.splitlines())
                yield from (f"{page.name}: {finding}" for finding in toml_findings(settings, clean))
        for line in lines:
            for words in simple_commands(line):
                if words and words[0] == "tillsync":
                    counted += 1
                    yield from (f"{page.name}: {finding}" for finding in command_findings(program, words))
                for word in words:
                    script = root / word
                    if word.startswith(("packaging/", "tests/")) and not script.exists():
                        yield f"{page.name}: there is no {word}"
        for span in SPAN.findall(prose):
            yield from (f"{page.name}: {finding}" for finding in span_findings(span, settings, texts))
        for metric in sorted(set(METRIC.findall(text))):
            if metric not in texts and re.sub(r"_(bucket|sum|count)$", "", metric) not in texts:
                yield f"{page.name}: there is no metric {metric}"
        yield from (f"{page.name}: {finding}" for finding in link_findings(root, page, text))
    if counted < 20:
        yield f"only {counted} commands were found in {DOCS}: are its blocks still ```sh?"


def self_test(root, program):
    """(page, what stands there, what is put there instead, the finding)."""
    breaches = [
        ("operators-guide.md", "tillsync explain TEST-000001", "tillsync explainn TEST-000001", "has no command explainn"),
        ("operators-guide.md", "tillsync journal verify\n", "tillsync journal prove\n", "has no command prove"),
        ("operators-guide.md", "--role operate >", "--rights operate >", "has no option --rights"),
        ("operators-guide.md", "| tail -n 1", "| tillsync post --quick -", "has no option --quick"),
        ("operators-guide.md", "tls_key = ", "tls_secret = ", "has no key tls_secret"),
        ("operators-guide.md", "currency = \"GBP\"", "money = \"GBP\"", "has no key money"),
        ("operators-guide.md", "[targets.erp]\n", "[goals.erp]\n", "no section [goals]"),
        ("operators-guide.md", "`[journal] path`", "`[journal] folder`", "has no key folder"),
        ("operators-guide.md", "(../../README.md)", "(../../LIESMICH.md)", "there is no ../../LIESMICH.md"),
        ("monitoring.md", "`tillsync_accepting`", "`tillsync_taking`", "no metric tillsync_taking"),
        ("monitoring.md", "promtool check rules packaging/", "promtool check rules packaging/nowhere/", "there is no packaging/nowhere"),
        ("alarms.md", "`[conflicts]`", "`[quarrels]`", "no section [quarrels]"),
        ("alarms.md", "`burst_requests`", "`burst_queries`", "`burst_queries` is neither"),
        ("alarms.md", "`access.locked_out`", "`access.shut_out`", "`access.shut_out` is no name"),
        ("alarms.md", "operators-guide.md#firewall", "operators-guide.md#fire", "no heading for operators-guide.md#fire"),
    ]
    missed = []
    for page, old, new, expected in breaches:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder)
            for name in (*SOURCES, "README.md", "packaging", "tests"):
                (copy / name).symlink_to((root / name).resolve()) if name != "packaging" else shutil.copytree(root / name, copy / name)
            target = copy / DOCS / page
            text = target.read_text(encoding="utf-8")
            if old not in text:
                missed.append(f"{page} has no {old!r} to break")
                continue
            target.write_text(text.replace(old, new), encoding="utf-8")
            if not any(expected in finding for finding in findings(copy, program)):
                missed.append(f"{page}: {old!r} -> {new!r}")
    if missed:
        print("not found:\n" + "\n".join(missed))
        return 1
    print(f"all {len(breaches)} breaches were found")
    return 0


def main():
    arguments = sys.argv[1:]
    testing = arguments[:1] == ["--self-test"]
    arguments = arguments[testing:]
    if len(arguments) != 2 or not (Path(arguments[0]) / DOCS).is_dir():
        print("usage: guide.py [--self-test] ROOT TILLSYNC (the folder that holds packaging/, and the built program)", file=sys.stderr)
        return 2
    if testing:
        return self_test(Path(arguments[0]), arguments[1])
    found = list(findings(Path(arguments[0]), arguments[1]))
    print("\n".join(found) if found else "guide: nothing found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
