"""The unit tests of every layer, built for Windows, under wine: each program runs whole, and its own words say that all passed.

    units_test.py --folder FOLDER UNIT_PLATFORM.EXE ..."""
import argparse
import shutil
import sys
from pathlib import Path

from wine import Wine, windows_path


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", required=True, type=Path)
    parser.add_argument("programs", nargs="+", type=Path)
    options = parser.parse_args()
    shutil.rmtree(options.folder, ignore_errors=True)
    failed = []
    with Wine(options.folder) as wine:
        for program in options.programs:
            ended = wine.run(windows_path(program), timeout=1200)
            passed = ended.status == 0 and "Status: SUCCESS!" in ended.output
            print(f"  {program.stem}: " + next((line for line in ended.output.splitlines() if "test cases:" in line), repr(ended)))
            if not passed:
                failed.append(program.stem)
                print(ended.output[-6000:], ended.errors[-2000:], file=sys.stderr)
    if failed:
        sys.exit("units_test: FAILED under wine: " + ", ".join(failed))
    print("units_test: all passed")


if __name__ == "__main__":
    main()
