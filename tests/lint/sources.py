"""What the checks in this folder share: the C++ files of the tree, and their text without comments and literals."""
import re
from pathlib import Path

FOLDERS = ["platform", "config", "outbox", "reconcile", "agent", "tests", "packaging"]


def cpp_files(root):
    """Every .h and .cpp of the tree, sorted, each with its path from the root."""
    for folder in FOLDERS:
        for path in sorted((Path(root) / folder).rglob("*")):
            if path.suffix in (".h", ".cpp") and path.is_file():
                yield path, path.relative_to(root).as_posix()


INCLUDE = re.compile(r'^\s*#\s*include\s*(?:"([^"]+)"|<([^>]+)>)')


def includes(text):
    """(line, name, quoted) of every include."""
    for number, line in enumerate(text.splitlines(), 1):
        found = INCLUDE.match(line)
        if found:
            yield number, found.group(1) or found.group(2), found.group(1) is not None


# Raw strings first: their inside may look like anything. A quote between digits parts thousands, it opens nothing.
TOKENS = re.compile(
    r'R"(?P<tag>[^()\\ ]{0,16})\(.*?\)(?P=tag)"'
    r'|//[^\n]*|/\*.*?\*/'
    r'|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'",
    re.DOTALL,
)


def code_only(text):
    """The text with comments and literals blanked out; lines keep their numbers."""
    return TOKENS.sub(lambda found: "\n" * found.group(0).count("\n") or " ", text)
