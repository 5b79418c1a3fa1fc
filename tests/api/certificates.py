"""An authority of the tests' own, made with the openssl command."""
import subprocess


def openssl(*words):
    done = subprocess.run(["openssl", *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


class Authority:
    """Signs certificates of servers and clients; all files lie in `folder`."""

    def __init__(self, folder, name="Test Authority"):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.certificate, self.key = folder / "authority.pem", folder / "authority.key"
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", 30, "-subj", f"/CN={name}",
                "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", self.key, "-out", self.certificate)

    def sign(self, subject, label, days=30, key="ec"):
        """(certificate, key) files of /CN=...; for localhost and 127.0.0.1 as a server, or of a client."""
        certificate, key_file, request = (self.folder / f"{label}.{kind}" for kind in ("pem", "key", "csr"))
        kind = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"] if key == "ec" else ["-newkey", "rsa:2048"]
        openssl("req", *kind, "-nodes", "-subj", subject, "-keyout", key_file, "-out", request)
        extensions = self.folder / f"{label}.ext"
        extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n")
        openssl("x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial", "-days", days,
                "-extfile", extensions, "-out", certificate)
        return certificate, key_file
