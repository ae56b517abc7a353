"""What README.md and docs/limits.md say of the options is what `owind serve --help` says."""
import re
import subprocess
import unittest

from harness import places

LIMIT = re.compile(r"--(max|min)-\S+|--\S+-(bytes|timeout)")
UNITS = {"": 1, "k": 1024, "M": 1 << 20, "G": 1 << 30, "KiB": 1024, "MiB": 1 << 20, "GiB": 1 << 30, "s": 1}


def read(name):
    return (places.ROOT / name).read_text()


def cells(line):
    return [cell.strip() for cell in line.strip().strip("|").split(" | ")]


def number(text):
    """The number that a cell or a help text begins with, in bytes or seconds; None: there is none."""
    if text.startswith(("off", "none")):
        return 0
    found = re.match(r"(\d[\d,]*) ?(KiB|MiB|GiB|k|M|G|s|)(?![A-Za-z])", text)
    return int(found[1].replace(",", "")) * UNITS[found[2]] if found else None


class DocumentationTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        text = subprocess.run([places.OWIND, "serve", "--help"], capture_output=True, text=True, check=True).stdout
        # An option begins at the second column; what follows belongs to it.
        cls.help = {entry.split()[0]: " ".join(entry.split()) for entry in re.split(r"\n(?=  --)", text)[1:]}
        cls.limits = [cells(line) for line in read("docs/limits.md").splitlines() if re.match(r"\| .*`--", line)]

    def defaults(self, option):
        """Over FastCGI and over HTTP, as the help has them."""
        text = self.help[option]
        both = re.search(r"Without it, (\w+) over FastCGI and (\w+) over HTTP", text)
        one = re.search(r"\[default (\S+)\]", text) or re.search(r"Without it (\w+)", text)
        fastcgi, http = both.groups() if both else (one[1], one[1])
        return None if "(HTTP)" in text else number(fastcgi), None if "(FastCGI" in text else number(http)

    def test_every_limit_stands_in_the_table_with_its_defaults(self):
        self.assertEqual(sorted(filter(LIMIT.fullmatch, self.help)),
                         sorted(row[1].strip("`") for row in self.limits if LIMIT.fullmatch(row[1].strip("`"))))
        for row in self.limits:
            with self.subTest(option=row[1]):
                self.assertEqual(6, len(row))
                self.assertEqual(self.defaults(row[1].strip("`")), (number(row[2]), number(row[3])))

    def test_every_option_that_is_named_exists(self):
        for name in ("docs/limits.md", "docs/scaling.md"):
            self.assertEqual(set(), set(re.findall(r"`(--[a-z-]+)", read(name))) - {*self.help, "--help"}, name)
        table = [line for line in read("README.md").split("| option of `serve` |")[1].split("\n\n")[0].splitlines()]
        named = set(re.findall(r"`(--[a-z-]+)", "\n".join(cells(line)[0] for line in table if line.startswith("| `"))))
        self.assertGreater(len(named), 20)
        self.assertEqual(set(), named - set(self.help))


if __name__ == "__main__":
    unittest.main()
