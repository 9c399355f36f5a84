"""Puts what a mail server says of a mailbox that is gone into a Maildir (RFC 3464, RFC 6522), written by
Python's own libraries.

    python bounce.py MAILDIR MESSAGE_ID RECIPIENT

The report is delivered as mail servers do: written to `tmp`, then moved to `new`.
"""

import mailbox
import sys
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.nonmultipart import MIMENonMultipart
from email.mime.text import MIMEText

folder, message_id, recipient = sys.argv[1:]

about_server, about_recipient = Message(), Message()
about_server["Reporting-MTA"] = "dns; mx.clinic.example"
about_recipient["Final-Recipient"] = f"rfc822; {recipient}"
about_recipient["Action"] = "failed"
about_recipient["Status"] = "5.1.1"
about_recipient["Diagnostic-Code"] = "smtp; 550 5.1.1 no such user here"
status = MIMENonMultipart("message", "delivery-status")
status.set_payload([about_server, about_recipient])

original = MIMENonMultipart("text", "rfc822-headers")
original.set_payload(f"Message-ID: {message_id}\nTo: {recipient}\n")

report = MIMEMultipart("report", report_type="delivery-status")
report["From"] = "MAILER-DAEMON@mx.clinic.example"
report["To"] = "no-reply@ca.example"
report["Subject"] = "Undelivered Mail Returned to Sender"
report["Auto-Submitted"] = "auto-replied"
report.attach(MIMEText("宛先のメールボックスがありません。", _charset="utf-8"))
report.attach(status)
report.attach(original)
mailbox.Maildir(folder, create=False).add(report)
