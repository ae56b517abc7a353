"""Files without the application, and files that the application sends: the real process, over HTTP and behind nginx."""
import hashlib
import os
import socket
import unittest

from harness import http, places
from harness.case import Case
from harness.nginx import Nginx


def numbered(size):
    """What /download and /file of the tour give (samples/tour/Endpoints/Downloads.cs)."""
    rest = bytes((31 * j + 7) % 256 for j in range(65536))[8:]
    blocks = (number.to_bytes(8, "big") + rest for number in range((size + 65535) // 65536))
    return b"".join(blocks)[:size]


class StaticFilesTest(Case):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.www = f"{cls.folder}/www"
        os.makedirs(f"{cls.www}/sub")
        cls.big = numbered(20_000_000)
        for name, content in (("index.html", b"<p>home"), ("sub/a b.css", b"a{}"), ("big.bin", cls.big)):
            with open(f"{cls.www}/{name}", "wb") as file:
                file.write(content)
        cls.port = places.free_port()
        cls.owind = cls.start_owind(places.TOUR, "--static", f"/={cls.www}", listen=[
            f"http://127.0.0.1:{cls.port}", f"fcgi://unix:{cls.folder}/fcgi.sock"])
        cls.nginx = cls.keep(Nginx(cls.folder, {"unix": cls.owind.endpoints[1]})).wait_until_ready()

    def ports(self):
        """Without a front end, and through nginx."""
        return self.port, self.nginx.stock_port

    def test_files_and_the_application_side_by_side(self):
        for port in self.ports():
            with self.subTest(port=port):
                home = http.ask(port, target="/")
                self.assertEqual((200, b"<p>home"), (home.status, home.body))
                self.assertEqual(["text/html"], home.header("Content-Type"))
                self.assertEqual(b"a{}", http.ask(port, target="/sub/a%20b.css").body)
                self.assertEqual(200, http.ask(port, target="/count").status)
                tag = home.header("ETag")[0]
                self.assertEqual(304, http.ask(port, target="/", headers=[("If-None-Match", tag)]).status)

    def test_a_large_file_and_a_part_of_it_arrive_byte_for_byte(self):
        for port in self.ports():
            with self.subTest(port=port):
                whole = http.ask(port, target="/big.bin")
                self.assertEqual(hashlib.sha256(self.big).digest(), hashlib.sha256(whole.body).digest())
                part = http.ask(port, target="/big.bin", headers=[("Range", "bytes=1000000-15999999")])
                self.assertEqual(206, part.status)
                self.assertTrue(part.body == self.big[1_000_000:16_000_000])

    def test_sendfile_of_the_application_arrives_byte_for_byte(self):
        expected = numbered(5_000_000)
        for port in self.ports():
            for more in ("", "&length=no", "&offset=65537&count=3000001", "&offset=5000000", "&count=0&length=no"):
                with self.subTest(port=port, more=more):
                    offset = 65537 if "65537" in more else 5_000_000 if "offset" in more else 0
                    count = 3_000_001 if "3000001" in more else 0 if "count=0" in more else 5_000_000 - offset
                    response = http.ask(port, target=f"/file?bytes=5000000{more}")
                    self.assertEqual(200, response.status)
                    self.assertTrue(response.body == expected[offset:offset + count])

    def test_a_visitor_that_does_not_read_holds_nobody_up(self):
        for target in ("/big.bin", "/file?bytes=20000000"):
            with self.subTest(target=target):
                slow = socket.create_connection(("127.0.0.1", self.port))
                slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                slow.sendall(f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
                self.assertTrue(slow.recv(100).startswith(b"HTTP/1.1 200"))
                self.assertEqual(200, http.ask(self.port, target="/count").status)
                slow.close()
                self.assertEqual(b"<p>home", http.ask(self.port, target="/").body)

    def test_a_folder_that_is_not_there_is_an_error_at_the_start(self):
        owind = self.launch(places.TOUR, "--static", f"/x={self.folder}/none")
        self.assertEqual(1, owind.wait(30))
        self.assertIn(f"--static /x: there is no folder {self.folder}/none", owind.log())


if __name__ == "__main__":
    unittest.main()
