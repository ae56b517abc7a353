"""owind serve --validate: it passes what the samples do, and complains of what breaks a rule, by section, key and middleware."""
import html
import signal
import unittest

from harness import fastcgi, places
from harness.case import Case
from harness.waiting import until


class ValidateTest(Case):
    def complaints(self, owind):
        return [line for line in owind.log().splitlines() if "OWIN 1.0.1 §" in line or "RFC 9110 §" in line]

    def expect_complaint(self, owind, *texts):
        """The log is written behind the response."""
        until(lambda: any(all(text in line for text in texts) for line in self.complaints(owind)), f"a line with {texts}")

    def test_it_passes_on_every_sample(self):
        requests = {
            places.HELLO: [{"uri": "/"}, {"uri": "/", "method": "HEAD"}],
            places.KATANA_STYLE: [{"uri": uri} for uri in ("/", "/nothing", "/notes", "/broken")]
            + [{"uri": "/notes", "method": "POST", "body": b"a"}, {"uri": "/x", "method": "OPTIONS"}],
            places.TOUR: [{"uri": uri} for uri in (
                "/", "/environment", "/mounted/x", "/mounted", "/status?code=204", "/status?code=304", "/status?code=418",
                "/cookies", "/headers", "/headers/set", "/sending", "/download?bytes=100000", "/big?bytes=100000", "/delay?ms=1",
                "/events?count=2", "/gc", "/count", "/cancelled", "/block?ms=1")]
            + [{"uri": uri, "method": "POST", "body": b"abc" * 1000}
               for uri in ("/sha256", "/drain", "/echo", "/echo/stream", "/sync", "/sync/result", "/progress")]
            + [{"uri": "/download?bytes=1000", "method": "HEAD"}],
        }
        for app, asked in requests.items():
            with self.subTest(app.stem):
                strict, plain = self.start(app, "--validate"), self.start(app)
                for request in asked:
                    with self.subTest(**request):
                        self.assertEqual(fastcgi.ask(plain.endpoint, **request).status, fastcgi.ask(strict.endpoint, **request).status)
                # Stopped: nothing is left to be written.
                strict.signal(signal.SIGTERM)
                self.assertEqual(0, strict.wait())
                self.assertEqual([], self.complaints(strict))

    def test_bad_middleware_is_named_with_section_and_key(self):
        owind = self.start(places.test_app("RuleBreaker"), env={"OWIND_VALIDATE": "1"})
        for path, section, key, culprit in (
                ("/path", "OWIN 1.0.1 §5.3", "owin.RequestPath", "RuleBreaker.BadPath"),
                ("/status", "OWIN 1.0.1 §3.4", "owin.ResponseStatusCode", "RuleBreaker.End"),
                ("/header", "OWIN 1.0.1 §3.3", "owin.ResponseHeaders", "RuleBreaker.End"),
                ("/missing", "OWIN 1.0.1 §3.2.1", "owin.RequestBody", "RuleBreaker.BadPath"),
                ("/null", "OWIN 1.0.1 §3.1", "the application", "RuleBreaker.End")):
            with self.subTest(path):
                response = fastcgi.ask(owind.endpoint, uri=path)
                self.assertEqual(500, response.status)
                for text in (section, key, culprit):
                    self.assertIn(text, html.unescape(response.body.decode()))
                self.expect_complaint(owind, section, key, culprit)
        self.assertEqual(200, fastcgi.ask(owind.endpoint, uri="/well").status)

    def test_a_rule_broken_behind_the_head_is_a_line_and_the_response_whole(self):
        owind = self.start(places.test_app("RuleBreaker"), "--validate")
        response = fastcgi.ask(owind.endpoint, uri="/late")
        self.assertEqual((200, b"well"), (response.status, response.body))
        self.expect_complaint(owind, "owin.RequestBody is required; it is not there. (by RuleBreaker.End)")
        response = fastcgi.ask(owind.endpoint, uri="/close")
        self.assertEqual((200, b"well"), (response.status, response.body))
        self.expect_complaint(owind, "owin.ResponseBody should not be closed")

    def test_without_it_nobody_complains_and_nothing_is_shown(self):
        owind = self.start(places.test_app("RuleBreaker"))
        self.assertEqual(200, fastcgi.ask(owind.endpoint, uri="/path").status)
        response = fastcgi.ask(owind.endpoint, uri="/status")
        self.assertEqual(500, response.status)
        self.assertNotIn("owin.", response.body.decode())
        self.assertEqual([], [line for line in self.complaints(owind) if "(by " in line])


if __name__ == "__main__":
    unittest.main()
