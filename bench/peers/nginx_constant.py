"""nginx answering a constant: what a well-known server does with the same requests and nothing else."""
from pathlib import Path

from measure import Folder, Row, Server, free_port, installed, load, wait_for_port

NAME, PROGRAMS, PACKAGES = "nginx", ["nginx"], ["nginx-light"]
CONFIG = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 1000000000; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{ listen 127.0.0.1:{port}; location / {{ default_type application/json; return 200 '{{"status":"success"}}'; }} }}
}}
"""


def worker_of(pid):
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0])


def measure(seconds, headrace):
    if not installed(*PROGRAMS):
        return [Row("nginx return 200", note="not installed (--install-peers)")]
    with Folder() as folder:
        port = free_port()
        (folder / "nginx.conf").write_text(CONFIG.format(folder=folder, port=port))
        with Server(["nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder)], folder / "log") as server:
            wait_for_port(port)
            words = ["post", "--path", "/api/events", "--url", f"http://127.0.0.1:{port}", "--key", "none"]
            return [load(headrace, "nginx return 200", words, worker_of(server.pid), "the same POST, nothing is read or kept", seconds)]
