#!/usr/bin/env python3
"""The alert rules: what promtool finds in them and in their tests, and what it does not look for.

    alert_rules.py ROOT            checks packaging/prometheus and the alarms of packaging/docs; prints each finding
    alert_rules.py --self-test ROOT   breaks a copy of them in every way that counts, and fails where a breach is not found

Each alert has a time (`for`), a severity, a summary, a description and a runbook entry that is there; its tests show it firing
and not firing; no entry is about an alert that is gone. Needs promtool (Debian: prometheus) and PyYAML (python3-yaml).
"""
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

RULES = "packaging/prometheus/tillsync.rules.yml"
TESTS = "packaging/prometheus/tillsync.rules.test.yml"
SCRAPE = "packaging/prometheus/prometheus.example.yml"
ALARMS = "packaging/docs/alarms.md"
SEVERITIES = ("critical", "warning")


def promtool(*arguments):
    run = subprocess.run(["promtool", *map(str, arguments)], capture_output=True, text=True)
    if run.returncode != 0:
        yield f"promtool {arguments[0]} {arguments[1]}: {(run.stdout + run.stderr).strip()}"


def anchors(root):
    """Second-level headings of the alarms' page, as a browser's anchor has them."""
    lines = (root / ALARMS).read_text(encoding="utf-8").splitlines()
    return {line[3:].strip().lower() for line in lines if line.startswith("## Tillsync")}


def shown(root):
    """Names of the alerts that the tests show firing, and of those that they show silent."""
    firing, silent = set(), set()
    for test in yaml.safe_load((root / TESTS).read_text(encoding="utf-8"))["tests"]:
        for expected in test["alert_rule_test"]:
            (firing if expected["exp_alerts"] else silent).add(expected["alertname"])
    return firing, silent


def findings(root):
    yield from promtool("check", "rules", root / RULES)
    yield from promtool("check", "config", "--syntax-only", root / SCRAPE)
    yield from promtool("test", "rules", root / TESTS)
    entries = anchors(root)
    firing, silent = shown(root)
    names = set()
    for group in yaml.safe_load((root / RULES).read_text(encoding="utf-8"))["groups"]:
        for rule in group["rules"]:
            name = rule["alert"]
            names.add(name)
            if "for" not in rule:
                yield f"{name} has no `for`"
            if rule.get("labels", {}).get("severity") not in SEVERITIES:
                yield f"{name} has no severity of {', '.join(SEVERITIES)}"
            notes = rule.get("annotations", {})
            for note in ("summary", "description"):
                if not notes.get(note, "").strip():
                    yield f"{name} has no {note}"
            if notes.get("runbook") != f"{ALARMS}#{name.lower()}":
                yield f"{name}: its runbook is not {ALARMS}#{name.lower()}"
            if name.lower() not in entries:
                yield f"{name} has no entry in {ALARMS}"
            if name not in firing:
                yield f"{name} is never shown firing"
            if name not in silent:
                yield f"{name} is never shown silent"
    for entry in sorted(entries - {name.lower() for name in names}):
        yield f"{ALARMS}: {entry} is no alert"


def self_test(root):
    """(file, what stands there, what is put there instead): each breach on its own has to be found."""
    breaches = [
        (RULES, "tillsync_accepting == 0", "tillsync_accepting == = 0"),
        (RULES, "> 14400 and", "> 1440000 and"),
        (RULES, "tillsync_quarantined_deliveries > 0\n        for: 15m", "tillsync_quarantined_deliveries > 0\n        for: 1m"),
        (RULES, "tillsync_quarantined_deliveries > 0\n        for: 15m", "tillsync_quarantined_deliveries > 0"),
        (RULES, "          severity: critical\n", "          severity: grave\n"),
        (RULES, "runbook: \"packaging/docs/alarms.md#tillsyncdown\"", "runbook: \"packaging/docs/alarms.md#elsewhere\""),
        (RULES, "          summary: \"Store {{ $labels.store }}: tills cannot post\"\n", ""),
        (TESTS, "alertname: TillsyncBlocked\n", "alertname: TillsyncQuarantine\n"),
        (ALARMS, "## TillsyncBlocked", "## TillsyncForgotten"),
        (SCRAPE, "scrape_configs:", "scrape_configurations:"),
    ]
    missed = []
    for name, old, new in breaches:
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder)
            for file in (RULES, TESTS, SCRAPE, ALARMS):
                (copy / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(root / file, copy / file)
            text = (copy / name).read_text(encoding="utf-8")
            if old not in text:
                missed.append(f"{name} has no {old!r} to break")
                continue
            (copy / name).write_text(text.replace(old, new), encoding="utf-8")
            if not list(findings(copy)):
                missed.append(f"{name}: {old!r} -> {new!r}")
    if missed:
        print("not found:\n" + "\n".join(missed))
        return 1
    print(f"all {len(breaches)} breaches were found")
    return 0


def main():
    arguments = sys.argv[1:]
    testing = arguments[:1] == ["--self-test"]
    roots = arguments[1:] if testing else arguments
    if len(roots) != 1 or not (Path(roots[0]) / RULES).is_file():
        print("usage: alert_rules.py [--self-test] ROOT (the folder that holds packaging/)", file=sys.stderr)
        return 2
    if shutil.which("promtool") is None:
        print("alert_rules: there is no promtool; `bash packaging/install_dependencies.sh test` installs it", file=sys.stderr)
        return 1
    if testing:
        return self_test(Path(roots[0]))
    found = list(findings(Path(roots[0])))
    print("\n".join(found) if found else "alert rules: nothing found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
