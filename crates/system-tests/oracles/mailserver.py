"""A mail server that another maker wrote, with troubles on demand (RFC 5321).

    python mailserver.py PORT CERTIFICATE KEY USER PASSWORD [TROUBLE ...]

Demands STARTTLS and a login. Each mail meets the next trouble of the list: a code such as 451 is
answered instead of taking it, `drop` ends the connection after the mail was taken and before the
answer, `ok` takes it, and `rcpt …` answers with these words as soon as the recipient is named. Prints one JSON object for each mail, read by Python's own parser, and
`ready` when it listens.
"""

import asyncio
import email
import email.policy
import json
import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

port, certificate, key, user, password, *troubles = sys.argv[1:]


def say(thing):
    print(json.dumps(thing), flush=True)


class Desk:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if troubles and troubles[0].startswith("rcpt "):
            trouble = troubles.pop(0)
            say({"trouble": trouble, "to": [address]})
            return trouble.removeprefix("rcpt ")
        envelope.rcpt_tos.append(address)
        return "250 taken"

    async def handle_DATA(self, server, session, envelope):
        trouble = troubles.pop(0) if troubles else "ok"
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        head = envelope.content.partition(b"\r\n\r\n")[0]
        lines = envelope.content.split(b"\r\n")
        say({
            "trouble": trouble,
            "to": envelope.rcpt_tos,
            "addresses": [one.addr_spec for one in mail["To"].addresses],
            "ascii_head": head.isascii(),
            "bare": sum(line.count(b"\r") + line.count(b"\n") for line in lines),
            "longest": max(map(len, lines)),
            "headers": [[name, str(value)] for name, value in mail.items()],
            "defects": [str(defect) for part in mail.walk() for defect in part.defects],
            "text": mail.get_body().get_content(),
            "tls": session.ssl is not None,
        })
        if trouble == "drop":
            server.transport.abort()
        return "250 taken" if trouble in ("ok", "drop") else trouble + " not now"


def check(server, session, envelope, mechanism, data):
    right = (data.login, data.password) == (user.encode(), password.encode())
    return AuthResult(success=right)


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
controller = Controller(
    Desk(),
    hostname="127.0.0.1",
    port=int(port),
    tls_context=context,
    require_starttls=True,
    auth_required=True,
    auth_require_tls=True,
    authenticator=check,
)
controller.start()
print("ready", flush=True)
asyncio.new_event_loop().run_forever()
