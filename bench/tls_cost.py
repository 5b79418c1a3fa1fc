"""What TLS costs: predictions over kept-alive connections beside plain ones, and what a flood of handshakes does to others."""
import os
import re
import subprocess
import time
import urllib.request

from measure import KEY, Folder, Row, Server, load

LISTENING = re.compile(r"^listening on (https?://\S+)", re.MULTILINE)
FLOODERS = 4
KINDS = {"ECDSA P-256": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "RSA 2048": ["-newkey", "rsa:2048"]}


def make_certificate(folder, words):
    subprocess.run(["openssl", "req", "-x509", *words, "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
                    "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", folder / "key.pem", "-out", folder / "certificate.pem"],
                   check=True, capture_output=True)


class TwoListeners(Server):
    """Headrace with a plain and a TLS listener: .plain and .tls are their URLs."""

    def __init__(self, program, folder):
        config = folder / "headrace.toml"
        config.write_text(f'data = "{folder}/data"\n[tls]\ncertificate = "{folder}/certificate.pem"\nkey = "{folder}/key.pem"\n'
                          '[[listen]]\naddress = "127.0.0.1:0"\ntls = false\n[[listen]]\naddress = "127.0.0.1:0"\n')
        log = folder / "serve.log"
        super().__init__([program, "serve", "--config", str(config)], log, env={**os.environ, "HEADRACE_ADMIN_KEY": KEY})
        until = time.monotonic() + 20
        while len(found := LISTENING.findall(log.read_text())) < 2:
            if time.monotonic() > until or self.process.poll() is not None:
                raise RuntimeError(log.read_text()[-2000:])
            time.sleep(0.02)
        self.plain, self.tls = found

    def handshakes(self):
        text = urllib.request.urlopen(self.plain + "/metrics").read().decode()
        return float(re.search(r"^headrace_tls_handshakes_total (\S+)", text, re.MULTILINE)[1])


def flood(url, seconds):
    """Processes that shake hands one after the other, without resumption."""
    words = ["openssl", "s_time", "-connect", url.split("//")[1], "-new", "-time", str(int(seconds))]
    return [subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(FLOODERS)]


def during_flood(victim, run, seconds):
    """(row of run(), handshakes per second)."""
    processes = flood(victim.tls, seconds + 3) if victim else []
    before, began = victim.handshakes() if victim else 0, time.monotonic()
    row = run()
    rate = (victim.handshakes() - before) / (time.monotonic() - began) if victim else 0
    for process in processes:
        process.kill()
        process.wait()
    return row, rate


def measure(headrace, seconds):
    for kind, words in KINDS.items():
        with Folder() as folder, Folder() as other:
            for one in (folder, other):
                make_certificate(one, words)
            os.environ["SSL_CERT_FILE"] = str(folder / "certificate.pem")
            with TwoListeners(headrace, folder) as server, TwoListeners(headrace, other) as elsewhere:
                def run(what, url, *more, note=""):
                    return load(headrace, what, ["predict", *more, "--url", url, "--key", KEY], server.pid, note, seconds)

                plain = run(f"predictions, plain ({kind} beside)", server.plain, note="64 connections")
                yield plain
                yield run(f"predictions, TLS, {kind}", server.tls, note="64 connections")
                if not plain.requests_per_s:
                    continue
                rate = f"{plain.requests_per_s / 8:.0f}"
                for what, victim in (("nobody shakes hands", None), ("flood at another process", elsewhere), ("flood at this one", server)):
                    row, handshakes = during_flood(victim, lambda: run(f"plain predictions, {what}", server.plain, "--rate", rate), seconds)
                    row.note = f"{rate}/s offered; {handshakes:.0f} handshakes/s, {kind}"
                    yield row
