"""The options that say where path, host and visitor come from, and variables that a front end gives twice, empty or not at all."""
import unittest

from harness import fastcgi, places
from harness.case import Case


class MappingTest(Case):
    def found(self, owind, parameters=None, **request_of):
        """The environment of a request; `parameters` replaces or adds CGI variables, in this order, repeats included."""
        with fastcgi.Client(owind.endpoint) as client:
            given = list(fastcgi.parameters(**request_of).items())
            names = {name for name, _ in parameters or ()}
            given = [(name, value) for name, value in given if name not in names]
            given += [(name, value) for name, value in parameters or () if value is not None]
            client.send(fastcgi.begin(1) + fastcgi.stream(fastcgi.PARAMS, 1, fastcgi.pairs(given))
                        + fastcgi.stream(fastcgi.STDIN, 1, b""))
            response = client.wait()
        if response.status != 200:
            return response.status
        return dict(line.split(": ", 1) for line in response.body.decode().splitlines() if ": " in line)

    def path(self, owind, parameters=None, **request_of):
        found = self.found(owind, parameters, **request_of)
        if isinstance(found, int):
            return found
        return (found["owin.RequestPathBase"], found["owin.RequestPath"]) if "owin.RequestPath" in found else 200

    def test_a_path_base_is_taken_off_by_whole_segments(self):
        """[OWIN 1.0.1 §5.3]"""
        owind = self.start(places.TOUR, "--path-base", "/shop")
        self.assertEqual(("/shop/mounted", "/a"), self.path(owind, uri="/shop/mounted/a"))
        self.assertEqual(("/mounted", "/shop/a"), self.path(owind, uri="/mounted/shop/a"))
        self.assertEqual(404, self.path(owind, uri="/shopping/mounted/a"))

    def test_the_path_by_request_uri_is_the_default_and_script_takes_the_decoded_one(self):
        parameters = [("REQUEST_URI", "/mounted/outside%2541"), ("SCRIPT_NAME", "/mounted/inside%41")]
        self.assertEqual(("/mounted", "/outside%41"), self.path(self.start(places.TOUR), parameters))
        self.assertEqual(("/mounted", "/inside%41"), self.path(self.start(places.TOUR, "--path-mapping", "script"), parameters))

    def test_the_path_by_path_info_splits_as_the_front_end_did(self):
        """[RFC 3875 §4.1.5]; an empty or absent PATH_INFO, or one longer than the path, is no arithmetic (CVE-2019-11043)."""
        owind = self.start(places.TOUR, "--path-mapping", "path-info")
        self.assertEqual(("/app.dll/mounted", "/x y"),
                         self.path(owind, [("SCRIPT_NAME", "/app.dll"), ("PATH_INFO", "/mounted/x y"), ("REQUEST_URI", "/nowhere")]))
        for path_info in (None, "", "/", "/much/longer/than/the/path/of/the/request"):
            found = self.path(owind, [("SCRIPT_NAME", "/a"), ("PATH_INFO", path_info), ("REQUEST_URI", "/a%0ay")])
            # The application's own index, or nothing there.
            self.assertEqual(200 if path_info == "/" else 404, found, path_info)

    def test_an_encoded_slash_is_decoded_kept_or_rejected(self):
        for how, expected in (("decode", ("/mounted", "/a/b c")), ("keep", ("/mounted", "/a%2Fb c")), ("reject", 400)):
            owind = self.start(places.TOUR, "--encoded-slash", how)
            self.assertEqual(expected, self.path(owind, uri="/mounted/a%2Fb%20c"), how)
            self.assertEqual(("/mounted", "/a/b"), self.path(owind, uri="/mounted/a/b"), how)

    def test_a_proxy_is_believed_about_the_visitor_only_if_it_is_trusted(self):
        headers = [("HTTP_X_FORWARDED_FOR", "203.0.113.7"), ("HTTP_X_FORWARDED_PROTO", "https")]
        for options, address, scheme in (((), "192.0.2.1", "http"), (("--trust-forwarded", "192.0.2.0/24"), "203.0.113.7", "https"),
                                         (("--trust-forwarded", "198.51.100.0/24"), "192.0.2.1", "http")):
            owind = self.start(places.TOUR, *options)
            found = self.found(owind, [("REMOTE_ADDR", "192.0.2.1"), *headers], uri="/mounted/x")
            self.assertEqual((address, scheme, "False"),
                             (found["server.RemoteIpAddress"], found["owin.RequestScheme"], found["server.IsLocal"]), options)
        found = self.found(owind, uri="/mounted/x")
        self.assertEqual("True", found["server.IsLocal"])

    def test_variables_given_twice_empty_or_not_at_all(self):
        owind = self.start(places.TOUR)
        found = self.found(owind, [("REQUEST_METHOD", "GET"), ("REQUEST_METHOD", "DELETE"), ("HTTP_X_TWICE", "1"),
                                   ("HTTP_X_TWICE", "2"), ("HTTP_X_EMPTY", ""), ("CONTENT_LENGTH", ""), ("CONTENT_TYPE", ""),
                                   ("", "nameless"), ("HTTP_PROXY", "http://evil.example"), ("REMOTE_PORT", ""),
                                   ("SERVER_PROTOCOL", None)], uri="/mounted/x")
        self.assertEqual("GET", found["owin.RequestMethod"])
        headers = found["owin.RequestHeaders"]
        self.assertRegex(headers, r"X-Twice=\[1[,|; ]+2\]")
        self.assertIn("X-Empty=[]", headers)
        for absent in ("Proxy", "Content-Length", "Content-Type", "nameless"):
            self.assertNotIn(absent, headers)

    def test_a_missing_or_empty_host_is_made_from_name_and_port(self):
        """[OWIN 1.0.1 §5.2]"""
        owind = self.start(places.TOUR)
        for host in (None, ""):
            found = self.found(owind, [("HTTP_HOST", host), ("SERVER_NAME", "named.example"), ("SERVER_PORT", "8080")], uri="/mounted/x")
            self.assertIn("Host=[named.example:8080]", found["owin.RequestHeaders"], host)

    def test_a_filter_is_told_that_its_role_is_unknown(self):
        """[FastCGI 1.0 §5.5]; the connection goes on."""
        owind = self.start(places.TOUR)
        with fastcgi.Client(owind.endpoint) as client:
            client.send(fastcgi.begin(1, fastcgi.FILTER) + fastcgi.stream(fastcgi.PARAMS, 1, fastcgi.pairs(fastcgi.parameters()))
                        + fastcgi.stream(fastcgi.STDIN, 1, b"in") + fastcgi.stream(fastcgi.DATA, 1, b"data"))
            response = client.wait()
            self.assertEqual((b"", fastcgi.UNKNOWN_ROLE), (bytes(response.stdout), response.protocol_status))
            client.responses.clear()
            self.assertEqual(200, client.ask(request_id=3).status)


if __name__ == "__main__":
    unittest.main()
