"""Connectors against what their vendors' manuals say that targets answer: each fixture in fixtures/CONNECTOR/*.json is one delivery, the
answers it meets, what must have been asked, and what must come of it.

    fixtures_test.py --tillsync PROGRAM [--only CONNECTOR]

    {"about": "what is tried", "manual": "the page it is written from",
     "parameters": {NAME: value}, "documents": [one, or several for a batch], "look_up": false, "step": "erp",
     "answers": [{"status", "headers", "body" or "text"}, ...],
     "requests": [{"method", "path", "headers": {NAME: value}, "body": ...}, ...],
     "expect": [{"outcome", "look_up", "central_reference", "signal", "reason", "retry_after_s", "requests",
                 "left": {"burst": {"left", "resets_s"}, "day": {"left", "resets_s"}}}, ...]}

In the place of `documents` and `expect` a fixture may have
    "fetch": {"what": "customer", "stock", "price", "refund_policy" or "read_back", "key", "cursor", "etag"},
    "page": {"rows": [...], "next", "etag", "not_modified"}, or {"error": "words that are within it"}

Of `requests` each member that is there must be as it is: the path with its query, a header's value, of a body each member that is named (lists
whole). `reason` must be within the outcome's. `left` must be the outcome's whole."""
import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
CONNECTORS = HERE.parents[1] / "agent" / "connectors"
BASE = "https://target.example"


def differences(seen, wanted, where=""):
    """What of `wanted` is not in `seen`."""
    if isinstance(wanted, dict) and isinstance(seen, dict):
        for name, value in wanted.items():
            yield from differences(seen.get(name), value, f"{where}/{name}")
    elif isinstance(wanted, list) and isinstance(seen, list) and len(wanted) == len(seen):
        for number, value in enumerate(wanted):
            yield from differences(seen[number], value, f"{where}/{number}")
    elif seen != wanted:
        yield f"{where}: {json.dumps(seen)[:300]}, and not {json.dumps(wanted)[:300]}"


def body_of(text):
    try:
        return json.loads(text)
    except ValueError:
        return text


def rehearse(program, connector, fixture, folder):
    fetch = fixture.get("fetch")
    command = [program, "connector", "fetch" if fetch else "try", CONNECTORS / f"{connector}.toml", "--json", "--config", folder / "none.toml"]
    if fetch:
        command.insert(4, fetch["what"])
        command += [f"--{name}={value}" for name, value in fetch.items() if name != "what"]
    for number, document in enumerate(fixture.get("documents", [])):
        file = folder / f"{number}.json"
        file.write_text(json.dumps(document))
        command += ["--document", file]
    for name, value in fixture.get("parameters", {}).items():
        command += ["--parameter", f"{name}={value if isinstance(value, str) else json.dumps(value)}"]
    if not fetch:
        command += ["--step", fixture.get("step", "erp")] + (["--look-up"] if fixture.get("look_up") else [])
    if fixture["answers"]:
        answers = folder / "answers.ndjson"
        answers.write_text("".join(json.dumps(each) + "\n" for each in fixture["answers"]))
        command += ["--answers", answers]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if run.returncode not in (0, 1):
        raise AssertionError(f"connector {command[2]} ended with {run.returncode}: {run.stderr.strip()}")
    return json.loads(run.stdout)


def faults_of(seen, fixture):
    exchanges = seen["exchanges"]
    unanswered = [each["url"] for each in exchanges if "answer" not in each]
    if unanswered:
        yield f"no answer was left for {unanswered[0]}"
    if len(exchanges) != len(fixture["answers"]):
        yield f"{len(exchanges)} requests, and {len(fixture['answers'])} answers"
    wanted = fixture.get("requests", [])
    if wanted and len(wanted) != len(exchanges):
        yield f"{len(exchanges)} requests were made: {[each['method'] + ' ' + each['url'] for each in exchanges]}"
    for number, (exchange, want) in enumerate(zip(exchanges, wanted)):
        has = {"method": exchange["method"], "path": exchange["url"].removeprefix(BASE), "headers": exchange["headers"],
               "body": body_of(exchange["body"])}
        yield from differences(has, want, f"request {number}")
    if "fetch" in fixture:
        yield from page_faults(seen, fixture["page"])
        return
    if len(seen["outcomes"]) != len(fixture["expect"]):
        yield f"{len(seen['outcomes'])} outcomes"
    for number, (outcome, want) in enumerate(zip(seen["outcomes"], fixture["expect"])):
        want = dict(want)
        if (reason := want.pop("reason", "")) not in outcome["reason"]:
            yield f"outcome {number}: the reason is \"{outcome['reason']}\", without \"{reason}\""
        if (left := want.pop("left", None)) is not None and left != outcome["left"]:
            yield f"outcome {number}: left is {json.dumps(outcome['left'])}, and not {json.dumps(left)}"
        yield from differences(outcome, want, f"outcome {number}")


def page_faults(seen, want):
    if "error" in want:
        if want["error"] not in seen.get("error", ""):
            yield f"the error is \"{seen.get('error')}\", without \"{want['error']}\""
    elif "error" in seen or len(seen["pages"]) != 1:
        yield f"there is no page: {seen.get('error')}"
    else:
        yield from differences(seen["pages"][0], want, "page")


NEEDED = {"about", "manual", "documents", "answers", "expect"}
NEEDED_OF_FETCH = {"about", "manual", "fetch", "answers", "page"}
OTHERS = {"parameters", "look_up", "step", "requests"}
OF_FETCH, OF_PAGE = {"what", "key", "cursor", "etag"}, {"rows", "next", "etag", "not_modified"}
OF_REQUEST = {"method", "path", "headers", "body"}
OF_OUTCOME = {"outcome", "look_up", "central_reference", "signal", "reason", "retry_after_s", "requests", "left"}


def shape_faults(fixture):
    """A word that nobody reads would be a check that cannot fail."""
    needed, others = (NEEDED_OF_FETCH, {"parameters", "requests"}) if "fetch" in fixture else (NEEDED, OTHERS)
    if needed - fixture.keys() or fixture.keys() - needed - others:
        yield f"its members are {sorted(fixture)}; needed are {sorted(needed)}, others may be {sorted(others)}"
        return
    for want in fixture.get("requests", []):
        if want.keys() - OF_REQUEST:
            yield f"a request has {sorted(want.keys() - OF_REQUEST)}"
    if "fetch" in fixture:
        fetch, page = fixture["fetch"], fixture["page"]
        if "what" not in fetch or fetch.keys() - OF_FETCH:
            yield f"a fetch has {sorted(fetch)}: what is needed, and nothing but {sorted(OF_FETCH)}"
        if not page or (page.keys() - OF_PAGE and page.keys() != {"error"}):
            yield f"a page has {sorted(page)}: error, or of {sorted(OF_PAGE)}"
    for want in fixture.get("expect", []):
        if want.keys() - OF_OUTCOME or not want.keys() & {"outcome", "look_up"}:
            yield f"an outcome has {sorted(want)}: outcome or look_up is needed, and nothing but {sorted(OF_OUTCOME)}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tillsync", required=True)
    parser.add_argument("--only")
    options = parser.parse_args()
    count = failed = 0
    connectors = set()
    for file in sorted((HERE / "fixtures").glob(f"{options.only or '*'}/*.json")):
        fixture = json.loads(file.read_text())
        with tempfile.TemporaryDirectory() as folder:
            faults = list(shape_faults(fixture))
            try:
                faults = faults or list(faults_of(rehearse(options.tillsync, file.parent.name, fixture, Path(folder)), fixture))
            except (AssertionError, subprocess.TimeoutExpired, ValueError) as fault:
                faults = [str(fault)]
        count += 1
        connectors.add(file.parent.name)
        failed += bool(faults)
        for fault in faults:
            print(f"{file.parent.name}/{file.name}: {fault}")
    print(f"{count} fixtures of {len(connectors)} connectors: {failed or 'none'} failed")
    return 1 if failed or count == 0 else 0


sys.exit(main())
