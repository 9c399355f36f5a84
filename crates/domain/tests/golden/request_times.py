#!/usr/bin/env python3
"""Writes request_times.csv: when terminals ask for their notices, with the numbers of the profile `obn`.

A second opinion on `domain/spread.rs`, in another language and with another calendar. Server and terminals must
come to the same second, so a row that changes is a break of the protocol. All times in seconds since
1970-01-01T00:00:00Z:

    fingerprint  SHA-256 of a number in ASCII digits
    not_after    the last second of the certificate
    asking       how long there is something to learn: `end` (from the first notice on) or `hold` (from now on)
    now          the instant of the request before
    at, until    the second of the next request, and the last one for it; empty where there is none

    python3 request_times.py           writes request_times.csv beside this file
    python3 request_times.py --check   says whether it is what would be written; 1 where it is not
"""

import sys
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path

NOTICES = [90, 60, 30, 15, 7, 6, 5, 4, 3, 2, 1, 0]
DAYS_AFTER = 30
HOURS = (9, 17)
BUSY = range(1, 11)

EPOCH = date(1970, 1, 1)
DAY = 24 * 60 * 60
JAPAN_AHEAD = 9 * 60 * 60

# Ends: the manual's example, both borders of a day, the first and the last minute of the hours, and two leap days.
ENDS = [
    (date(2024, 3, 14), 17 * 3600 + 39 * 60 - 1),
    (date(2027, 1, 1), 0),
    (date(2027, 1, 10), DAY - 1),
    (date(2027, 5, 5), 9 * 3600),
    (date(2028, 2, 29), 9 * 3600 + 59),
    (date(2027, 12, 31), 17 * 3600 - 1),
    (date(2032, 2, 29), 17 * 3600),
]
# Days left at the request before; those from 1,000 on are long before the first notice.
LEFT = [1187, 92, 91, 90, 89, 75, 61, 60, 45, 31, 16, 8, 7, 1, 0, -1, -12, -29, -30, -31]
# Seconds of the day of the request before.
TIMES = (0, 12 * 3600, DAY - 1)

TABLE = Path(__file__).with_name("request_times.csv")


def instant(day: date, second_of_day: int) -> int:
    return (day - EPOCH).days * DAY + second_of_day - JAPAN_AHEAD


def next_request(fingerprint: bytes, end: tuple[date, int], asking: str, today: date):
    last, end_second = end
    day = today + timedelta(days=1)
    if asking == "end":
        day = max(day, last - timedelta(days=max(NOTICES)))
    while (last - day).days >= -DAYS_AFTER:
        left = (last - day).days
        if left < 0 or left in NOTICES or day.day not in BUSY:
            opens, until = HOURS[0] * 3600, HOURS[1] * 3600 - 1
            if day == last and opens <= end_second < until:
                until = end_second
            place = int.from_bytes(fingerprint[:8], "big")
            at = opens + place * (until - opens + 1) // 2**64
            return instant(day, at), instant(day, until)
        day += timedelta(days=1)
    return None


def table() -> str:
    lines = ["fingerprint,not_after,asking,now,at,until\n"]
    number = 0
    for end in ENDS:
        for left in LEFT:
            for asking in ("end", "hold"):
                fingerprint = sha256(str(number).encode()).digest()
                today = end[0] - timedelta(days=left)
                now = instant(today, TIMES[number % 3])
                found = next_request(fingerprint, end, asking, today)
                at, until = found or ("", "")
                lines.append(f"{fingerprint.hex()},{instant(*end)},{asking},{now},{at},{until}\n")
                number += 1
    return "".join(lines)


def main(arguments: list[str]) -> int:
    if arguments == ["--check"]:
        if TABLE.read_bytes() == table().encode():
            return 0
        print(f"{TABLE.name} is not what this script writes; run it and look", file=sys.stderr)
        return 1
    if arguments:
        print(__doc__, file=sys.stderr)
        return 2
    TABLE.write_bytes(table().encode())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
