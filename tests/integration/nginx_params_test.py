"""nginx with its own fastcgi_params and a fastcgi_index, as in a configuration that somebody already has."""
import os
import re
import unittest

from harness import http, places
from harness.case import NginxCase
from harness.nginx import CELLS
from harness.process import Process
from harness.waiting import until


class StockParametersTest(NginxCase):
    def environment(self, target, port=None, **more):
        text = http.ask(port or self.nginx.stock_port, target=target, **more).body.decode()
        return dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)

    def test_the_root_is_the_path_slash_in_spite_of_the_index(self):
        response = http.ask(self.nginx.stock_port, target="/")
        self.assertEqual(200, response.status)
        self.assertIn(b"/environment\n", response.body)

    def test_a_folder_is_its_own_path_in_spite_of_the_index(self):
        found = self.environment("/mounted/folder/")
        self.assertEqual(("/mounted", "/folder/"), (found["owin.RequestPathBase"], found["owin.RequestPath"]))

    def test_the_path_is_the_raw_one_decoded_once(self):
        self.assertEqual("/a/b/%41/c//e", self.environment("/mounted/a%2Fb/%2541/c//e")["owin.RequestPath"])

    def test_both_parameter_sets_give_the_same_environment(self):
        ours = self.environment("/environment?x=1", self.nginx.port(CELLS[0]))
        stock = self.environment("/environment?x=1")
        differs = {"owin.RequestHeaders", "owin.RequestId", "server.RemotePort", "server.LocalPort", "tour.RequestNumber",
                   "server.ConnectionId"}
        self.assertEqual({k: v for k, v in ours.items() if k not in differs},
                         {k: v for k, v in stock.items() if k not in differs})

    def test_the_environment_has_the_required_keys(self):
        """[OWIN 1.0.1 §3.2]"""
        found = self.environment("/environment?x=1")
        expected = {"owin.RequestMethod": "GET", "owin.RequestPath": "/environment", "owin.RequestPathBase": "",
                    "owin.RequestQueryString": "x=1", "owin.RequestScheme": "http", "owin.RequestProtocol": "HTTP/1.1",
                    "owin.Version": "1.0", "server.RemoteIpAddress": "127.0.0.1", "server.IsLocal": "True"}
        self.assertEqual(expected, {key: found.get(key, "").strip() for key in expected})
        for key in ("owin.RequestBody", "owin.RequestHeaders", "owin.ResponseBody", "owin.ResponseHeaders", "owin.CallCancelled",
                    "server.OnSendingHeaders", "server.Capabilities", "host.AppName", "host.OnAppDisposing", "host.TraceOutput"):
            self.assertIn(key, found)

    def test_content_type_and_length_are_one_header_each(self):
        response = http.ask(self.nginx.stock_port, "POST", "/headers", [("Content-Type", "text/x")], b"12345")
        lines = response.body.decode().splitlines()
        self.assertEqual(["Content-Length: 5", "Content-Type: text/x"], [line for line in lines if line.startswith("Content-")])

    def test_a_request_without_a_body_has_no_empty_content_headers(self):
        self.assertNotIn("Content-", http.ask(self.nginx.stock_port, target="/headers").body.decode())

    def test_a_request_without_a_host_gets_one(self):
        """[OWIN 1.0.1 §5.2]"""
        for port in (self.nginx.stock_port, self.nginx.port(CELLS[0])):
            lines = http.ask(port, target="/headers", version="HTTP/1.0", host=None).body.decode().splitlines()
            hosts = [line for line in lines if line.startswith("Host: ")]
            self.assertEqual(1, len(hosts), lines)
            self.assertTrue(hosts[0].removeprefix("Host: ").strip())

    def test_an_absolute_target_is_its_path(self):
        """[RFC 9112 §3.2.2]"""
        found = self.environment("http://other.example/mounted/x?q=1")
        self.assertEqual(("/x", "q=1"), (found["owin.RequestPath"], found["owin.RequestQueryString"]))


class SuppliedConfigurationTest(NginxCase):
    """conf/nginx/owind.conf as it stands, but for its socket and port."""

    def test_it_serves(self):
        port = places.free_port()
        site = (places.ROOT / "conf/nginx/owind.conf").read_text()
        site = site.replace("/run/owind/owind.sock", f"{self.folder}/owind.sock").replace(
            "include owind_params", f"include {places.ROOT}/conf/nginx/owind_params")
        site = re.sub(r"listen 80;", f"listen 127.0.0.1:{port};", site)
        configuration = self.folder / "supplied.conf"
        temporary = "".join(f"{kind}_temp_path {self.folder}/s_{kind};\n"
                            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        user = "user root;\n" if os.geteuid() == 0 else ""
        configuration.write_text(f"{user}daemon off;\npid {self.folder}/supplied.pid;\nerror_log stderr;\nevents {{}}\n"
                                 f"http {{\naccess_log off;\n{temporary}{site}\n}}\n")
        self.keep(Process("supplied-nginx", [places.NGINX, "-p", self.folder, "-c", configuration], self.folder))

        def answers():
            try:
                return http.ask(port).status == 200
            except OSError:
                return False
        until(answers, "an answer through conf/nginx/owind.conf")
        for _ in range(20):
            self.assertEqual(200, http.ask(port, "POST", "/drain", body=b"x" * 1000).status)


if __name__ == "__main__":
    unittest.main()
