"""A program that starts a server in its Main is served, without a port of its own, and ends behind the server."""
import signal
import unittest

from harness import fastcgi, places
from harness.case import Case


class SelfHostedTest(Case):
    def test_a_main_that_starts_a_server_is_served_and_ends_behind_it(self):
        owind = self.start(places.test_app("SelfHosted"), "--startup", "SelfHosted.Program.Main")
        self.assertEqual(b"self-hosted /a", fastcgi.ask(owind.endpoint, uri="/a").body)
        owind.child.send_signal(signal.SIGTERM)
        self.assertEqual(0, owind.wait(30))
        log = owind.log()
        self.assertLess(log.index("self-hosted: disposing"), log.index("self-hosted: behind its server"))

    def test_without_a_name_a_main_is_not_run(self):
        owind = self.launch(places.test_app("SelfHosted"))
        self.assertGreater(owind.wait(30), 0)
        self.assertIn("No assembly found containing", owind.log())


if __name__ == "__main__":
    unittest.main()
