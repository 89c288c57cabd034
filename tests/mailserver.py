"""A mail server on loopback that speaks SMTP and keeps what it was given."""

import socketserver
import threading
from email import message_from_bytes, policy


class MailServer:
    """Accepts mails; `answers` are given to DATA one after the other before it accepts again."""

    def __init__(self):
        self.mails, self.answers, self.sessions = [], [], 0
        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()

    def _handler(self):
        outer = self

        class Session(socketserver.StreamRequestHandler):
            def say(self, line):
                self.wfile.write(f"{line}\r\n".encode())

            def handle(self):
                outer.sessions += 1
                self.say("220 here")
                while line := self.rfile.readline().decode().strip():
                    verb = line[:4].upper()
                    if verb == "QUIT":
                        self.say("221 bye")
                        return
                    if verb != "DATA":
                        self.say("250 ok")
                        continue
                    self.say("354 go on")
                    lines = []
                    while (data := self.rfile.readline()) not in {b".\r\n", b""}:
                        lines.append(data.removeprefix(b"."))
                    if outer.answers:
                        self.say(outer.answers.pop(0))
                    else:
                        outer.mails.append(message_from_bytes(b"".join(lines), policy=policy.default))
                        self.say("250 kept")

        return Session
