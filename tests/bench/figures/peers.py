"""The servers that are compared, each answering `Hello, World!`, and nginx in front of them."""
import os
import shutil

from harness import fastcgi, http, places
from harness.owind import Owind
from harness.process import Process
from harness.waiting import until

from . import tools

PEERS = places.ROOT / "tests/bench/peers"


def answers_fastcgi(endpoint, **more):
    def fact():
        try:
            return b"Hello, World!" in bytes(fastcgi.ask(endpoint, **more).stdout)
        except OSError:
            return False
    return fact


def answers_http(port):
    def fact():
        try:
            return http.ask(port).body == b"Hello, World!"
        except OSError:
            return False
    return fact


def start_raw(folder):
    endpoint = f"fcgi://unix:{folder}/raw.sock"
    process = Process("raw", [tools.TARGET / "raw_responder", f"unix:{folder}/raw.sock"], folder)
    until(answers_fastcgi(endpoint), "the bare responder answers")
    return process, endpoint


def start_owind(folder, app=places.HELLO, options=("--shards", "1"), name="owind"):
    process = Owind(app, folder, options, listen=[f"fcgi://unix:{folder}/{name}.sock"], name=name)
    process.wait_until_ready()
    return process, process.endpoint


def start_php(folder):
    """Its workers run as another user, so the folder is opened to all."""
    os.chmod(folder, 0o755)
    shutil.copy(PEERS / "index.php", folder / "index.php")
    configuration = folder / "php-fpm.conf"
    configuration.write_text((PEERS / "php-fpm.conf").read_text().replace("@FOLDER@", str(folder))
                             .replace("@LISTEN@", f"{folder}/php.sock"))
    binary = shutil.which("php-fpm8.2") or "/usr/sbin/php-fpm8.2"
    process = Process("php-fpm", [binary, "-F", "-R", "-y", configuration], folder)
    script = {"SCRIPT_FILENAME": f"{folder}/index.php", "SCRIPT_NAME": "/index.php"}
    until(answers_fastcgi(f"unix:{folder}/php.sock", **script), "php-fpm answers")
    return process, f"fcgi://unix:{folder}/php.sock"


def start_kestrel(folder, transport):
    where = f"unix:{folder}/kestrel.sock" if transport == "unix" else f"127.0.0.1:{places.free_port()}"
    process = Process(f"kestrel-{transport}", [shutil.which("dotnet"), places.BUILD / "bench/Kestrel/Kestrel.dll", where], folder)
    return process, where


class Front(Process):
    """nginx with one port for each upstream: {name: ("fastcgi" | "proxy", address)}; kept connections, one worker."""

    def __init__(self, folder, upstreams):
        self.ports = {name: places.free_port() for name in upstreams}
        parameters = (places.ROOT / "conf/nginx/owind_params").read_text().replace("$owind_host", "$host:$server_port")
        (folder / "bench_params").write_text(
            parameters + f"\nfastcgi_param SCRIPT_FILENAME {folder}/index.php;\nfastcgi_param SCRIPT_NAME $document_uri;\n"
            "fastcgi_param DOCUMENT_URI $document_uri;\n")
        servers = ""
        for name, (kind, address) in upstreams.items():
            servers += f"  upstream {name} {{ server {address}; keepalive 64; keepalive_requests 1000000000; }}\n"
            forward = (f"include {folder}/bench_params; fastcgi_pass {name}; fastcgi_keep_conn on;" if kind == "fastcgi" else
                       f'proxy_pass http://{name}; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;')
            servers += (f"  server {{ listen 127.0.0.1:{self.ports[name]}; location / {{ {forward} {kind}_buffer_size 16k; "
                        f"{kind}_buffers 16 16k; {kind}_busy_buffers_size 64k; }} }}\n")
        temporary = "".join(f"  {kind}_temp_path {folder}/t_{kind};\n"
                            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        user = "user root;\n" if os.geteuid() == 0 else ""
        configuration = folder / "front.conf"
        configuration.write_text(f"{user}worker_processes 1;\ndaemon off;\npid {folder}/front.pid;\nerror_log stderr error;\n"
                                 f"events {{ worker_connections 4096; }}\nhttp {{\n  access_log off; client_max_body_size 0;\n"
                                 f"  keepalive_requests 1000000000;\n{temporary}{servers}}}\n")
        super().__init__("front", [places.NGINX, "-p", folder, "-c", configuration], folder)
        for name, port in self.ports.items():
            until(answers_http(port), f"{name} answers through nginx")
