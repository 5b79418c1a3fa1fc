"""A real SMTP server (aiosmtpd) that keeps what it is sent."""
import asyncio
import email.policy
import threading
from email.parser import BytesParser

from aiosmtpd.smtp import SMTP


class Handler:
    def __init__(self, arrived):
        self.arrived = arrived

    async def handle_DATA(self, server, session, envelope):
        self.arrived(envelope)
        return "250 OK"


class MailSink:
    def __enter__(self):
        self.mails, self.changed = [], threading.Condition()
        self.loop = asyncio.new_event_loop()
        made = self.loop.create_server(lambda: SMTP(Handler(self.arrived), loop=self.loop), "127.0.0.1", 0)
        self.server = self.loop.run_until_complete(made)
        self.port = self.server.sockets[0].getsockname()[1]
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join()
        self.server.close()

    def arrived(self, envelope):
        mail = BytesParser(policy=email.policy.default).parsebytes(envelope.original_content)
        with self.changed:
            self.mails.append((envelope.rcpt_tos, mail))
            self.changed.notify_all()

    def wait_for(self, address, subject, nth=0, timeout=20):
        """The nth mail to this address with this subject."""
        found = lambda: [mail for to, mail in self.mails if to == [address] and mail["Subject"] == subject]
        with self.changed:
            assert self.changed.wait_for(lambda: len(found()) > nth, timeout), f"no mail to {address}: {self.mails}"
            return found()[nth]
