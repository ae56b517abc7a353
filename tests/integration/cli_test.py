"""The command line: help, versions, and options from the environment."""
import os
import re
import subprocess
import unittest

from harness import fastcgi, places
from harness.case import Case
from harness.owind import connect
from harness.waiting import until

OPTIONS = ("--listen", "--startup", "--path-base", "--shards", "--max-app-threads", "--dispatch", "--mode", "--socket-mode",
           "--socket-owner", "--socket-group", "--max-requests-in-flight", "--max-params-bytes", "--max-body-bytes",
           "--request-timeout", "--drain-timeout", "--allow", "--log-level")


class CommandLineTest(Case):
    def run_owind(self, *arguments, env=None):
        return subprocess.run([places.OWIND, *map(str, arguments)], capture_output=True, text=True, timeout=30,
                              env={**os.environ, **(env or {})})

    def test_version_is_a_command_and_an_option(self):
        for word in ("version", "--version"):
            run = self.run_owind(word)
            self.assertEqual(0, run.returncode)
            self.assertRegex(run.stdout, r"\b\d+\.\d+\.\d+\b")

    def test_help_is_everywhere(self):
        for words in (["--help"], ["serve", "--help"], ["version", "--help"]):
            run = self.run_owind(*words)
            self.assertEqual((0, ""), (run.returncode, run.stderr))
            self.assertIn("owind", run.stdout)

    def test_help_shows_each_option_with_its_variable(self):
        text = self.run_owind("serve", "--help").stdout
        for option in OPTIONS:
            self.assertIn(option, text)
            self.assertIn("OWIND_" + option[2:].upper().replace("-", "_"), text)

    def test_help_shows_the_defaults(self):
        text = self.run_owind("serve", "--help").stdout
        for default in ("fcgi://127.0.0.1:9000", "0660", "512", "1024", "steal", "production"):
            self.assertIn(default, text)

    def test_no_command_an_unknown_one_and_an_unknown_option_are_errors(self):
        for words in ([], ["sreve"], ["serve"], ["serve", places.HELLO, "--no-such-option"], ["serve", places.HELLO, "--shards"],
                      ["serve", places.HELLO, "--shards", "many"], ["serve", places.HELLO, "--shards", "-1"],
                      ["serve", places.HELLO, "--dispatch", "sometimes"], ["serve", places.HELLO, "--socket-mode", "0999"],
                      ["serve", places.HELLO, "--listen", "http//nonsense"], ["serve", places.HELLO, "--path-base", "x/"],
                      ["serve", places.HELLO, "--listen", "fcgi://127.0.0.1:99999"], ["serve", places.HELLO, "--allow", "1.2.3"]):
            run = self.run_owind(*words)
            self.assertNotEqual(0, run.returncode, words)
            self.assertTrue(run.stderr.strip(), words)
            self.assertLess(len((run.stderr + run.stdout).splitlines()), 120, words)

    def test_a_variable_that_is_no_option_is_warned_of(self):
        owind = self.start(places.HELLO, env={"OWIND_MAX_APP_TREADS": "secret"})
        lines = [line for line in owind.log().splitlines() if "OWIND_MAX_APP_TREADS" in line]
        self.assertEqual(1, len(lines))
        self.assertIn("OWIND_MAX_APP_THREADS", lines[0])
        self.assertNotIn("secret", owind.log())

    def test_a_variable_sets_an_option_and_the_command_line_wins(self):
        path = f"{self.folder}/from-variable.sock"
        other = f"{self.folder}/from-option.sock"
        owind = self.launch(places.HELLO, listen=[], env={"OWIND_LISTEN": f"fcgi://unix:{path}", "OWIND_SOCKET_MODE": "0600"})
        owind.wait_for_log("ready")
        self.assertEqual(b"Hello, World!", fastcgi.ask(f"unix:{path}").body)
        self.assertEqual(0o600, os.stat(path).st_mode & 0o777)
        owind.stop()
        owind = self.launch(places.HELLO, listen=[f"fcgi://unix:{other}"], env={"OWIND_LISTEN": f"fcgi://unix:{path}"})
        owind.wait_for_log("ready")
        self.assertEqual(b"Hello, World!", fastcgi.ask(f"unix:{other}").body)

    def test_a_bad_variable_is_named(self):
        run = self.run_owind("serve", places.HELLO, env={"OWIND_SHARDS": "many"})
        self.assertNotEqual(0, run.returncode)
        self.assertRegex(run.stderr, re.compile("OWIND_SHARDS|--shards"))

    def test_the_path_base_is_taken_off_the_path(self):
        """The base matches in any case, and the casing of the request is kept [OWIN 1.0.1 §5.3]."""
        owind = self.start(places.TOUR, "--path-base", "/App")
        body = fastcgi.ask(owind.endpoint, uri="/aPP/environment").body.decode()
        self.assertIn("owin.RequestPathBase: /aPP\n", body)
        self.assertIn("owin.RequestPath: /environment\n", body)

    def test_development_shows_an_exception_and_production_hides_it(self):
        owind = self.start(places.TOUR, "--mode", "development")
        self.assertIn(b"the tour failed before the head", fastcgi.ask(owind.endpoint, uri="/error/before").body)
        owind = self.start(places.TOUR)
        self.assertNotIn(b"the tour failed", fastcgi.ask(owind.endpoint, uri="/error/before").body)

    def test_the_log_level_is_obeyed(self):
        owind = self.launch(places.HELLO, "--log-level", "error")

        def accepts():
            try:
                connect(owind.endpoint).close()
                return True
            except OSError:
                return False
        until(accepts, "the socket accepts")
        self.assertEqual(b"Hello, World!", fastcgi.ask(owind.endpoint).body)
        self.assertEqual("", owind.log())


if __name__ == "__main__":
    unittest.main()
