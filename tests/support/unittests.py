#!/usr/bin/env python3
"""Runs the unittest modules (*_test.py) of a folder and writes what happened as JSON, for summary.py.

  unittests.py [--results FILE] FOLDER [NAME …]     NAME: only tests whose id contains one of these words
"""
import argparse
import json
import sys
import time
import unittest
from pathlib import Path


class CountingResult(unittest.TextTestResult):
    """Prints one line a test with its time, and counts."""

    def startTest(self, test):
        super().startTest(test)
        self._begun = time.monotonic()

    def stopTest(self, test):
        super().stopTest(test)
        took = time.monotonic() - self._begun
        if took > 5:
            self.stream.writeln(f"    ({took:.0f} s: {test.id()})")
            self.stream.flush()


def flatten(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from flatten(item)
        else:
            yield item


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--results")
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("names", nargs="*")
    options = arguments.parse_args()
    sys.path.insert(0, str(options.folder.resolve()))
    suite = unittest.defaultTestLoader.discover(str(options.folder), pattern="*_test.py")
    if options.names:
        suite = unittest.TestSuite(t for t in flatten(suite) if any(name in t.id() for name in options.names))
    runner = unittest.TextTestRunner(resultclass=CountingResult, verbosity=1 if options.results else 2)
    result = runner.run(suite)
    failed = {test.id() for test, _ in result.failures + result.errors} | {t.id() for t in result.unexpectedSuccesses}
    skipped = [f"{test.id()}: {why}" for test, why in result.skipped]
    # A failure in setUpClass belongs to no test that was started.
    passed = max(0, result.testsRun - len([t for t in failed if "setUpClass" not in t]) - len(skipped))
    if options.results:
        Path(options.results).write_text(json.dumps({"passed": passed, "failed": sorted(failed), "skipped": skipped}))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
