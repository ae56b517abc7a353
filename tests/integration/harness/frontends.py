"""The five front ends that Debian packages, each as a process of its own, configured by its file in conf/ with nothing changed
but the port, the socket and the places for temporary files."""
import os
import pwd
import shutil

from . import places
from .owind import connect
from .process import Process
from .waiting import until

SOCKET = "/run/owind/owind.sock"


def snippet(name, socket):
    """A file of conf/ with the socket of this test."""
    text = (places.ROOT / "conf" / name).read_text()
    assert SOCKET in text, name
    return text.replace(SOCKET, str(socket))


def program(name):
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    assert found, f"{name} is not installed: ./dev test installs it"
    return found


class FrontEnd(Process):
    """Listens on `port`, and passes everything to owind's socket."""
    name = ""

    def __init__(self, folder, socket):
        self.folder, self.socket, self.port = folder, socket, places.free_port()
        super().__init__(self.name, self.command_line(), folder, env={"HOME": str(folder), "XDG_DATA_HOME": str(folder)})

    def write(self, name, text):
        (self.folder / name).write_text(text)
        return self.folder / name

    def conf(self, name, *replacements):
        text = snippet(name, self.socket)
        for old, new in replacements:
            assert old in text, (name, old)
            text = text.replace(old, new)
        return text

    def wait_until_ready(self):
        def listening():
            assert self.is_running(), f"{self.name} ended:\n{self.log()}"
            try:
                connect(f"127.0.0.1:{self.port}").close()
                return True
            except OSError:
                return False
        until(listening, f"{self.name} listens")
        return self


class Nginx(FrontEnd):
    name = "nginx"

    def command_line(self):
        params = (places.ROOT / "conf/nginx/owind_params").resolve()
        server = self.conf("nginx/owind.conf", ("listen 80;", f"listen 127.0.0.1:{self.port};"),
                           ("include owind_params;", f"include {params};"))
        temporary = "".join(f"{kind}_temp_path {self.folder}/{kind};\n"
                            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        user = "user root;\n" if os.geteuid() == 0 else ""
        return [places.NGINX, "-p", self.folder, "-c", self.write("nginx.conf", f"""{user}worker_processes 1;
daemon off;
pid {self.folder}/nginx.pid;
error_log stderr info;
events {{ worker_connections 1024; }}
http {{
access_log off;
{temporary}
{server}
}}
""")]


class HaProxy(FrontEnd):
    """With one thread: each has connections of its own, and machines differ in how many CPUs they have."""
    name = "haproxy"

    def command_line(self):
        text = self.conf("haproxy/owind.cfg", ("bind :80", f"bind 127.0.0.1:{self.port}"),
                         ("defaults\n", "defaults\n    log global\n    option httplog\n"))
        return [program("haproxy"), "-db", "-f", self.write("haproxy.cfg", f"""global
    log stderr format raw local0
    maxconn 1000
    nbthread 1
{text}""")]


class Lighttpd(FrontEnd):
    name = "lighttpd"

    def server(self):
        return self.conf("lighttpd/owind.conf")

    def command_line(self):
        for kind in ("root", "uploads"):
            (self.folder / kind).mkdir(exist_ok=True)
        return [program("lighttpd"), "-D", "-f", self.write("lighttpd.conf", f"""
server.bind = "127.0.0.1"
server.port = {self.port}
server.document-root = "{self.folder}/root"
server.upload-dirs = ( "{self.folder}/uploads" )
{self.server()}
""")]


class LighttpdAuthorizer(Lighttpd):
    """The commented part of the snippet switched on, for /private/ (files) and /mounted/ (the application itself)."""

    def server(self):
        (self.folder / "files" / "private").mkdir(parents=True)
        (self.folder / "files" / "private" / "page.txt").write_text("for those who may")
        text = self.conf("lighttpd/owind.conf")
        start = text.index("# fastcgi.server +=")
        switched = "".join(line[2:] + "\n" for line in text[start:].splitlines())
        authorizer = switched.replace("/srv/private", f"{self.folder}/files")
        # A Responder behind an Authorizer is asked for what exists as a file; two keys of one array may not be equal.
        (self.folder / "files" / "mounted").mkdir()
        (self.folder / "files" / "mounted" / "x").write_text("")
        responder = text[:start].replace('"/" =>', '"/mounted" =>').replace('"check-local" => "disable"', '"check-local" => "enable"')
        return responder + authorizer + authorizer.replace("/private/", "/mounted/")


class Apache(FrontEnd):
    name = "apache2"

    def command_line(self):
        modules = "/usr/lib/apache2/modules"
        load = "".join(f"LoadModule {name}_module {modules}/mod_{name}.so\n"
                       for name in ("mpm_event", "authz_core", "env", "setenvif", "proxy", "proxy_fcgi"))
        owner = pwd.getpwuid(os.geteuid()).pw_name
        # As root it changes to another user, who has to reach the socket.
        account = "User www-data\nGroup www-data\n" if owner == "root" else ""
        return [program("apache2"), "-D", "FOREGROUND", "-f", self.write("apache.conf", f"""
ServerRoot "{self.folder}"
ServerName test.example
PidFile {self.folder}/apache.pid
DefaultRuntimeDir {self.folder}
Listen 127.0.0.1:{self.port}
ErrorLog "|/bin/cat 1>&2"
{load}{account}
ThreadsPerChild 25
{self.conf("apache/owind.conf")}
""")]


class Caddy(FrontEnd):
    name = "caddy"

    def command_line(self):
        text = self.conf("caddy/Caddyfile", (":80 {", f"http://127.0.0.1:{self.port}, http://test.example:{self.port} {{\n\tbind 127.0.0.1"))
        return [program("caddy"), "run", "--adapter", "caddyfile", "--config", self.write("Caddyfile", "{\n\tadmin off\n\tauto_https off\n}\n" + text)]


ALL = {front.name: front for front in (Nginx, HaProxy, Lighttpd, Apache, Caddy)}
