"""An FTPS server of Debian's python3-pyftpdlib that fails on purpose.

    /usr/bin/python3 ftps_server.py FOLDER CERTIFICATE PORT explicit|implicit STRIKES

Of the first STRIKES uploads each is cut in its middle; of the first STRIKES renames each is done, and its answer lost. It writes one line
for each strike to standard output."""
import sys

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import TLS_DTPHandler, TLS_FTPHandler
from pyftpdlib.servers import FTPServer

FOLDER, CERTIFICATE, PORT, MODE, STRIKES = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4], int(sys.argv[5])
left = {"cut": STRIKES, "lost": STRIKES}


def strike(kind):
    left[kind] -= 1
    print(kind, flush=True)


class Data(TLS_DTPHandler):
    ac_in_buffer_size = 2048
    def readable(self):
        # pyftpdlib takes a client whose handshake comes before its command for one that has gone.
        return self._ssl_want_read or self._ssl_accepting or self.receive

    def handle_read_event(self):
        super().handle_read_event()
        if self.receive and self.tot_bytes_received >= 2048 and left["cut"] > 0:
            strike("cut")
            control = self.cmd_channel
            self.close()
            control.close()


class Control(TLS_FTPHandler):
    dtp_handler = Data
    certfile = CERTIFICATE
    tls_control_required = tls_data_required = True

    def handle(self):
        if MODE == "implicit":
            self.secure_connection(self.ssl_context)
        super().handle()

    def ftp_RNTO(self, path):
        if left["lost"] > 0 and left["cut"] == 0:
            strike("lost")
            source, self._rnfr = self._rnfr, None
            self.fs.rename(source, path)
            self.close()
            return
        return super().ftp_RNTO(path)


authorizer = DummyAuthorizer()
authorizer.add_user("store", "s3cret word", FOLDER, perm="elradfmw")
Control.authorizer = authorizer
FTPServer(("127.0.0.1", PORT), Control).serve_forever()
