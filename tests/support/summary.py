#!/usr/bin/env python3
"""Counts what `./dev test` ran: one line a suite, then `N passed, N failed, N skipped` and exit code 1 for any failure.

  summary.py FOLDER [FILE …]     FILE: results that have to be there; one that is not is a failure

Reads from the folder: NAME.ctest (the output of ctest -V; each doctest case counts, a test that is no doctest counts as one),
NAME.trx (xunit), NAME.json (unittests.py), and `broken`, a line for each part that could not even be run (one failure each).
"""
import json
import re
import sys
import xml.etree.ElementTree as xml
from pathlib import Path

DOCTEST = re.compile(r"^(\d+): \[doctest\] test cases:\s*(\d+) \|\s*(\d+) passed \|\s*(\d+) failed \|\s*(\d+) skipped")
CTEST_END = re.compile(r"^\d+% tests passed, ")
CTEST = re.compile(r"^\s*\d+/\d+ Test\s+#(\d+): (\S+) \.+\s*(\S.*?)\s+[\d.]+ sec")


def ctest(path):
    """Totals of one ctest -V log. A doctest executable that ends without its summary line (a crash, a sanitizer's report)
    is one failure beside the cases it cannot count."""
    cases, failed_names, totals, ended = {}, [], [0, 0, 0], False
    for line in path.read_text(errors="replace").splitlines():
        if match := DOCTEST.match(line):
            cases[match[1]] = [int(match[i]) for i in (3, 4, 5)]
        elif match := CTEST.match(line):
            ok = match[3].startswith("Passed")
            passed, failed, skipped = cases.get(match[1], [1, 0, 0] if ok else [0, 1, 0])
            if not ok and failed == 0:
                failed = 1
            if failed:
                failed_names.append(match[2])
            for i, count in enumerate((passed, failed, skipped)):
                totals[i] += count
        ended = ended or CTEST_END.match(line) is not None
    if not any(totals):
        return 0, 1, 0, [f"{path.name}: no test was run"]
    if not ended:
        totals[1] += 1
        failed_names.append(f"{path.name}: ctest did not come to its end")
    return *totals, failed_names


def trx(path):
    space = {"t": "http://microsoft.com/schemas/VisualStudio/TeamTest/2010"}
    root = xml.parse(path).getroot()
    outcomes = [(r.get("testName"), r.get("outcome")) for r in root.findall(".//t:UnitTestResult", space)]
    failed = [name for name, outcome in outcomes if outcome not in ("Passed", "NotExecuted")]
    whole = root.find(".//t:ResultSummary", space)
    if not failed and (whole is None or whole.get("outcome") not in ("Completed", "Passed")):
        # The process of the tests has ended in their midst.
        outcomes.append((path.name, "Aborted"))
        failed.append(f"{path.name}: the run did not come to its end")
    skipped = sum(outcome == "NotExecuted" for _, outcome in outcomes)
    return len(outcomes) - len(failed) - skipped, len(failed), skipped, failed


def unittests(path):
    counts = json.loads(path.read_text())
    for why in counts["skipped"]:
        print(f"  skipped: {why}")
    return counts["passed"], len(counts["failed"]), len(counts["skipped"]), counts["failed"]


def main():
    folder, expected, totals, names = Path(sys.argv[1]), sys.argv[2:], [0, 0, 0], []
    readers = {".ctest": ctest, ".trx": trx, ".json": unittests}
    for path in sorted(folder.iterdir()):
        if reader := readers.get(path.suffix):
            passed, failed, skipped, failed_names = reader(path)
            print(f"{path.stem:12} {passed:5} passed, {failed} failed, {skipped} skipped")
            totals = [total + count for total, count in zip(totals, (passed, failed, skipped))]
            names += failed_names
    for name in expected:
        if not (folder / name).exists():
            totals[1] += 1
            names.append(f"{name} (no results)")
    broken = folder / "broken"
    for line in broken.read_text().splitlines() if broken.exists() else []:
        totals[1] += 1
        names.append(f"{line} (did not run)")
    for name in names:
        print(f"  failed: {name}")
    if not any(totals):
        totals[1] = 1
    print(f"{totals[0]} passed, {totals[1]} failed, {totals[2]} skipped")
    return 1 if totals[1] else 0


if __name__ == "__main__":
    sys.exit(main())
