"""Every header compiles alone, and the boundary header is C."""
import concurrent.futures
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

from include_table_test import ROOT, sources

WARNINGS = ["-Wall", "-Wextra", "-Wconversion", "-Wshadow", "-Werror"]


def compile_alone(name):
    """Compiles a file that includes nothing but the header, twice; what the compiler says, or None."""
    text = f'#include "{name}"\n#include "{name}"\n'
    run = subprocess.run(["g++", "-std=c++20", *WARNINGS, "-fsyntax-only", "-I", str(ROOT), "-x", "c++", "-"], input=text,
                         capture_output=True, text=True, cwd=ROOT)
    return f"{name}:\n{run.stderr}" if run.returncode else None


class HeadersTest(unittest.TestCase):
    def test_every_header_compiles_alone(self):
        headers = [name for name in sources() if re.search(r"\.(hpp|h)$", name)]
        self.assertTrue(headers)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            found = [line for line in pool.map(compile_alone, headers) if line]
        if found:
            self.fail("\n" + "\n".join(found))

    def test_the_boundary_header_is_c(self):
        with tempfile.TemporaryDirectory() as folder:
            source = Path(folder) / "abi.c"
            source.write_text('#include "hosting/bridge_abi.h"\n#include "hosting/bridge_abi.h"\n'
                              "int main(void) { owind_native_table t = {0}; return (int)t.size; }\n")
            run = subprocess.run(["gcc", "-std=c99", "-pedantic-errors", *WARNINGS, "-fsyntax-only", "-I", str(ROOT),
                                  str(source)], capture_output=True, text=True)
        self.assertEqual(0, run.returncode, run.stderr)


if __name__ == "__main__":
    unittest.main()
