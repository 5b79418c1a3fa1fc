"""nginx and haproxy in front of a server, as people put them there: keep-alive to it, connections shared by clients."""
import re
import shutil
import socket
import subprocess
import time

NGINX = """daemon off; master_process off; pid {home}/nginx.pid; error_log {home}/errors.log;
events {{ worker_connections 2000; }}
http {{
  log_format seen 'to=$upstream_addr status=$upstream_status id=$upstream_http_x_request_id';
  access_log {home}/seen.log seen; lingering_timeout 1s;
  client_body_temp_path {home}/a; proxy_temp_path {home}/b; fastcgi_temp_path {home}/c; uwsgi_temp_path {home}/d; scgi_temp_path {home}/e;
  upstream headrace {{ server 127.0.0.1:{server}; keepalive 16; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://headrace; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
      proxy_next_upstream off; proxy_ignore_client_abort on;
    }}
  }}
}}
"""
HAPROXY = """global
  maxconn 4000
  log stdout format raw local0
defaults
  mode http
  timeout connect 5s
  timeout client 20s
  timeout server 20s
  timeout http-request 10s
  option http-buffer-request
  http-reuse always
  retries 0
frontend front
  bind 127.0.0.1:{port}
  log global
  declare capture response len 64
  http-response capture res.hdr(x-request-id) id 0
  log-format "to=%s status=%ST id=%[capture.res.hdr(0)]"
  default_backend back
backend back
  server headrace 127.0.0.1:{server}
"""
SEEN = re.compile(r"to=(\S*) status=(\S*) id=(\S*)")
COMMANDS = {
    "nginx": (NGINX, ["nginx", "-p", "{home}", "-e", "{home}/errors.log", "-c", "{home}/conf"]),
    "haproxy": (HAPROXY, ["haproxy", "-db", "-f", "{home}/conf"]),
}
PATH = "/usr/sbin:/usr/local/sbin:/usr/bin"  # where Debian puts them is not on everyone's path


def is_there(name):
    return shutil.which(name, path=PATH) is not None


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as held:
        return held.getsockname()[1]


class Proxy:
    def __init__(self, name, home, server_port):
        text, command = COMMANDS[name]
        self.home, self.port = home, free_port()
        home.mkdir()
        (home / "conf").write_text(text.format(home=home, port=self.port, server=server_port))
        command = [shutil.which(command[0], path=PATH), *(part.format(home=home) for part in command[1:])]
        self.log = home / ("seen.log" if name == "nginx" else "stdout")
        with open(home / "stdout", "wb") as out:
            self.process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT)
        deadline = time.monotonic() + 20
        while socket.socket().connect_ex(("127.0.0.1", self.port)) != 0:
            assert self.process.poll() is None and time.monotonic() < deadline, (home / "stdout").read_text()
            time.sleep(0.02)

    def stop(self):
        """Ends it, so that its log is whole."""
        self.process.terminate()
        self.process.wait(20)

    def forwarded(self):
        """(status, X-Request-ID) of the server's answer to each request that was handed on, "-" where there was none."""
        lines = SEEN.findall(self.log.read_text(errors="replace"))
        return [(status, id) for to, status, id in lines if to not in ("-", "<NOSRV>")]
