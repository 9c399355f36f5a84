#!/usr/bin/env python3
"""Writes issue_days.csv: what follows from each issue day of 2020-01-01 to 2059-12-31 in Japan.

A second opinion on decisions D1 to D4 and on the notices of R-030 to R-034, in another language and with another calendar: it counts on
datetime.date alone and shares nothing with the program. One row for each of the 14,610 days, all
numbers in seconds since 1970-01-01T00:00:00Z:

    p              the instant of approval, at a time of day that alternates
    not_after      the last second of validity: p + 39 calendar months - 1 second
    window_end     the last second in which the certificate can be collected: day 180 after p
    renewal_opens  the first second in which it can be renewed: day 90 before the last day
    mail, eligibility, claims, terminal
                   digest of the instants at which the notices of a channel are due, 09:00 in Japan, the
                   earliest first, joined by commas: FNV-1a with 64 bits, in hexadecimal digits

    python3 issue_days.py           writes issue_days.csv beside this file
    python3 issue_days.py --check   says whether it is what would be written; 1 where it is not
"""

import sys
from datetime import date, timedelta
from pathlib import Path

FIRST = date(2020, 1, 1)
LAST = date(2059, 12, 31)
VALIDITY_MONTHS = 39
COLLECTION_DAYS = 180
RENEWAL_DAYS = 90
WEEK = [7, 6, 5, 4, 3, 2, 1, 0]
# Days left at which each channel has a notice; -1 is the day after the end.
NOTICES = {
    "mail": [75, 60, 45, 30, 15, *WEEK, -1],
    "eligibility": [90, 60, 30, 15, *WEEK],
    "claims": list(range(90, -1, -1)),
    "terminal": [90, 60, 30, 15, *WEEK],
}
NOTICE_HOUR = 9

EPOCH = date(1970, 1, 1)
DAY = 24 * 60 * 60
JAPAN_AHEAD = 9 * 60 * 60
# Seconds of the day in Japan: the manual's own example, the first second and the last one.
TIMES_OF_DAY = (17 * 3600 + 39 * 60, 0, DAY - 1)

TABLE = Path(__file__).with_name("issue_days.csv")


def instant(day: date, second_of_day: int) -> int:
    """The Unix time of a second of a day in Japan."""
    return (day - EPOCH).days * DAY + second_of_day - JAPAN_AHEAD


def day_in_japan(unix: int) -> date:
    """The day that Japan's calendars show at a Unix time."""
    return EPOCH + timedelta(days=(unix + JAPAN_AHEAD) // DAY)


def last_of_month(year: int, month: int) -> date:
    """The last day of a month: the day before the first of the next one."""
    following = date(year + 1, 1, 1) if month == 12 else date(year, month + 1, 1)
    return following - timedelta(days=1)


def months_later(day: date, months: int) -> date:
    """The same day of a later month, or that month's last day where it has no such day."""
    years, month_index = divmod(day.month - 1 + months, 12)
    last = last_of_month(day.year + years, month_index + 1)
    return last if day.day > last.day else last.replace(day=day.day)


def fnv(text: str) -> int:
    """FNV-1a with 64 bits."""
    value = 0xCBF29CE484222325
    for octet in text.encode():
        value = (value ^ octet) * 0x100000001B3 % 2**64
    return value


def notices(last: date, channel: str) -> str:
    """The digest of a channel's instants."""
    days = [last - timedelta(days=left) for left in NOTICES[channel]]
    return f"{fnv(','.join(str(instant(day, NOTICE_HOUR * 3600)) for day in days)):016x}"


def row(day: date, second_of_day: int) -> str:
    p = instant(day, second_of_day)
    not_after = instant(months_later(day, VALIDITY_MONTHS), second_of_day) - 1
    window_end = instant(day + timedelta(days=COLLECTION_DAYS), DAY - 1)
    last = day_in_japan(not_after)
    renewal_opens = instant(last - timedelta(days=RENEWAL_DAYS), 0)
    digests = ",".join(notices(last, channel) for channel in NOTICES)
    return f"{p},{not_after},{window_end},{renewal_opens},{digests}\n"


def table() -> str:
    lines = [f"p,not_after,window_end,renewal_opens,{','.join(NOTICES)}\n"]
    for number in range((LAST - FIRST).days + 1):
        lines.append(row(FIRST + timedelta(days=number), TIMES_OF_DAY[number % 3]))
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
