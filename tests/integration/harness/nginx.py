"""nginx in front of owind, in all the ways that change how a response ends."""
import itertools
import os
from dataclasses import dataclass

from . import places
from .owind import connect
from .process import Process
from .waiting import until


@dataclass(frozen=True)
class Cell:
    """One of the eight ways to reach owind through nginx."""
    transport: str  # "unix" or "tcp"
    keep: bool  # fastcgi_keep_conn
    buffering: bool  # fastcgi_buffering

    def __str__(self):
        return f"{self.transport}_{'keep' if self.keep else 'close'}_{'buffered' if self.buffering else 'unbuffered'}"


CELLS = [Cell(*cell) for cell in itertools.product(("unix", "tcp"), (True, False), (True, False))]


def on_off(flag):
    return "on" if flag else "off"


class Nginx(Process):
    """One port for each cell, each once with and once without request buffering, and one with the stock parameters.

    `endpoints`: {"unix": "fcgi://unix:…", "tcp": "fcgi://127.0.0.1:…"}.
    """

    def __init__(self, folder, endpoints, stock_params="/etc/nginx/fastcgi_params", extra=""):
        self.ports = {(cell, streamed): places.free_port() for cell in CELLS if cell.transport in endpoints
                      for streamed in (False, True)}
        self.stock_port = places.free_port()
        configuration = folder / "nginx.conf"
        configuration.write_text(self._configuration(folder, endpoints, stock_params, extra))
        super().__init__("nginx", [places.NGINX, "-p", folder, "-c", configuration], folder)

    def port(self, cell, streamed=False):
        return self.ports[cell, streamed]

    def wait_until_ready(self):
        def listening():
            if not self.is_running():
                raise AssertionError(f"nginx ended:\n{self.log()}")
            try:
                connect(f"127.0.0.1:{self.stock_port}").close()
                return True
            except OSError:
                return False
        until(listening, "nginx listens")
        return self

    def _configuration(self, folder, endpoints, stock_params, extra):
        params = (places.ROOT / "conf/nginx/owind_params").resolve()
        host = (places.ROOT / "conf/nginx/owind.conf").read_text().split("upstream", 1)[0]
        user = "user root;\n" if os.geteuid() == 0 else ""
        temporary = "".join(f"  {kind}_temp_path {folder}/{kind};\n"
                            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        # A cache of connections only where they are kept: without buffering nginx caches a connection even if it has just
        # asked for it to be closed (fastcgi_keep_conn off), and the next request meets the close.
        upstreams = "".join(
            f"  upstream {name}_{kept} {{ server {endpoint.removeprefix('fcgi://')} max_fails=0; {cache} }}\n"
            for name, endpoint in endpoints.items() for kept, cache in (("on", "keepalive 32;"), ("off", "")))
        servers = "".join(f"""
  server {{
    listen 127.0.0.1:{port};
    location / {{
      include {params};
      fastcgi_pass {cell.transport}_{on_off(cell.keep)};
      fastcgi_keep_conn {on_off(cell.keep)};
      fastcgi_buffering {on_off(cell.buffering)};
      fastcgi_request_buffering {on_off(not streamed)};
      fastcgi_buffer_size 16k; fastcgi_buffers 16 16k; fastcgi_busy_buffers_size 64k;
    }}
  }}""" for (cell, streamed), port in self.ports.items())
        return f"""{user}worker_processes 1;
daemon off;
pid {folder}/nginx.pid;
error_log stderr info;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_max_body_size 0;
{temporary}{host}{upstreams}{servers}
  server {{
    listen 127.0.0.1:{self.stock_port};
    location / {{
      fastcgi_pass {next(iter(endpoints))}_off;
      fastcgi_index Default.aspx;
      include {stock_params};
    }}
  }}
{extra}
}}
"""
