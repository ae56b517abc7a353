"""Each row of tests/owin_rows.tsv names a test that exists, or says why the rule is not ours; each key of the table of keys
has its row."""
import re
import unittest
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROWS = ROOT / "tests/owin_rows.tsv"
KEYS = ROOT / "middleware/owin_keys.cpp"


@cache
def bridge_tests():
    """Class.Method of every xunit test."""
    names = set()
    for path in (ROOT / "tests/bridge").rglob("*Tests.cs"):
        if {"bin", "obj"} & set(path.relative_to(ROOT).parts):
            continue
        text = path.read_text()
        outer = re.search(r"^public (?:sealed |unsafe )*class (\w+)", text, re.M)
        for match in re.finditer(r"\[(?:Fact|Theory)\b.*?public (?:async |unsafe )*(?:void|Task) (\w+)\(", text, re.S):
            names.add(f"{outer.group(1)}.{match.group(1)}")
    return names


@cache
def integration_tests():
    """module.method of every test of tests/integration."""
    return {f"{path.stem}.{name}" for path in (ROOT / "tests/integration").glob("*_test.py")
            for name in re.findall(r"^    def (test_\w+)\(", path.read_text(), re.M)}


@cache
def native_tests(path):
    """The names of the doctest cases of a file."""
    file = ROOT / path
    if not file.exists():
        return []
    cases = re.findall(r'TEST_CASE\(\s*((?:"(?:[^"\\]|\\.)*"\s*)+)\)', file.read_text())
    return ["".join(re.findall(r'"((?:[^"\\]|\\.)*)"', case)) for case in cases]


def exists(reference):
    kind, _, name = reference.partition(" ")
    if kind == "bridge":
        return name in bridge_tests()
    if kind == "integration":
        return name in integration_tests()
    if kind == "native":
        path, separator, begin = name.partition(": ")
        return bool(separator and begin) and any(case.startswith(begin) for case in native_tests(path))
    return False


def problems(text):
    """What is wrong with the table, as sentences."""
    found, seen = [], set()
    for number, line in enumerate(text.splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        cells = line.split("\t")
        if len(cells) != 3 or not all(cell.strip() for cell in cells):
            found.append(f"line {number}: not three filled cells: {line}")
            continue
        row, _, tests = cells
        if row in seen:
            found.append(f"line {number}: the row {row} is there twice")
        seen.add(row)
        if tests.startswith("not ours:"):
            if len(tests.removeprefix("not ours:").strip()) < 10:
                found.append(f"line {number}: {row} does not say why it is not ours")
            continue
        found += [f"line {number}: {row} names no test that exists: {reference}"
                  for reference in tests.split(" ; ") if not exists(reference)]
    return found


class OwinRowsTest(unittest.TestCase):
    def test_every_row_has_a_test_or_a_reason(self):
        self.assertEqual([], problems(ROWS.read_text()))

    def test_every_key_of_the_server_has_a_row(self):
        keys = re.findall(r'^    \{"([^"]+)", "\w+", k', KEYS.read_text(), re.M)
        self.assertGreater(len(keys), 30)
        rows = {line.split("\t")[0] for line in ROWS.read_text().splitlines()}
        self.assertEqual([], [key for key in keys if key not in rows])

    def test_a_bad_row_is_noticed(self):
        for row in ("a\tb", "a\tb\t", "a\tb\tnot ours:", "a\tb\tbridge No.Such", "a\tb\tintegration no_test.test_such",
                    "a\tb\tnative tests/no.cpp: x", "a\tb\tnative tests/server/fastcgi_mapper_test.cpp: No such", "a\tb\tnothing",
                    "a\tb\tnot ours: a good reason\na\tb\tnot ours: a good reason"):
            self.assertEqual(1, len(problems(row)), row)
        self.assertEqual([], problems("# comment\na\tb\tnot ours: a good reason"))


if __name__ == "__main__":
    unittest.main()
