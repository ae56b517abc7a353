"""samples/katana-style: classes, instances, branches and conversions in one pipeline, and the order of the end."""
import signal
import unittest

from harness import fastcgi, places
from harness.case import Case
from harness.fastcgi import PARAMS, STDIN, Client, begin, pairs, parameters, stream
from harness.waiting import until


class KatanaStyleTest(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.owind = cls.start_owind(places.KATANA_STYLE, "--data-protection", cls.folder / "keys")

    def ask(self, **request):
        return fastcgi.ask(self.owind.endpoint, **request)

    def test_every_kind_of_middleware_takes_part(self):
        response = self.ask(uri="/")
        self.assertEqual(200, response.status)
        self.assertIn(b"/notes", response.body)
        self.assertEqual(["katana-style"], response.header("X-Served-By"))
        self.assertEqual(1, len(response.header("X-Milliseconds")))

    def test_an_exception_gets_the_page_of_the_application(self):
        response = self.ask(uri="/broken/x")
        self.assertEqual((503, b"sorry: this path always fails\n"), (response.status, response.body))

    def test_what_nobody_answers_is_404(self):
        for uri in ("/nothing", "/notes2"):
            self.assertEqual(404, self.ask(uri=uri).status)

    def test_a_condition_leads_into_a_branch(self):
        response = self.ask(uri="/any", method="OPTIONS")
        self.assertEqual((200, ["GET, HEAD, POST, OPTIONS"]), (response.status, response.header("Allow")))

    def test_a_note_is_kept_in_a_protected_cookie_over_a_restart(self):
        response = self.ask(uri="/NOTES", method="POST", body="grüß dich".encode())
        self.assertEqual(b"kept\n", response.body)
        cookie = response.header("Set-Cookie")[0].split(";")[0]
        self.assertIn("Path=/NOTES", response.header("Set-Cookie")[0])
        other = self.start(places.KATANA_STYLE, "--data-protection", self.folder / "keys")
        for endpoint in (self.owind.endpoint, other.endpoint):
            self.assertEqual("grüß dich\n", fastcgi.ask(endpoint, uri="/notes", HTTP_COOKIE=f"a=b; {cookie}").body.decode())
        self.assertEqual(b"no note of ours\n", self.ask(uri="/notes", HTTP_COOKIE=cookie[:-4] + "AAA=").body)
        self.assertEqual(b"no note\n", self.ask(uri="/notes").body)

    def test_without_an_option_the_keys_are_where_the_service_has_its_state(self):
        state, home = self.folder / "state", self.folder / "home"
        for variables, keys in (({"STATE_DIRECTORY": str(state), "HOME": str(home)}, state / "keys"),
                                ({"HOME": str(home)}, home / ".local/share/owind/keys")):
            owind = self.start(places.KATANA_STYLE, env=variables)
            self.assertFalse(keys.exists())
            self.assertEqual(200, fastcgi.ask(owind.endpoint, uri="/notes", method="POST", body=b"a").status)
            self.assertTrue(list(keys.iterdir()))

    def test_disposing_comes_after_the_last_request(self):
        owind = self.start(places.KATANA_STYLE, "--data-protection", self.folder / "keys")
        client = Client(owind.endpoint)
        self.addCleanup(client.close)
        client.send(begin(1) + stream(PARAMS, 1, pairs(parameters("POST", "/notes", None))))
        # The connection is the server's when it has answered another request on it; the note is still on its way.
        client.ask(2, uri="/")
        owind.signal(signal.SIGTERM)
        until(lambda: "drain" in owind.log() or "stopping" in owind.log() or "TERM" in owind.log(), "the drain begins")
        self.assertNotIn("no request is running", owind.log())
        client.send(stream(STDIN, 1, b"late"))
        self.assertEqual(b"kept\n", client.wait(1).body)
        self.assertEqual(0, owind.wait(30))
        self.assertIn("katana-style: no request is running any more", owind.log())


if __name__ == "__main__":
    unittest.main()
