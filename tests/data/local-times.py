#!/usr/bin/env python3
"""Writes local-times.tsv: the local time of each hour of a leap year in three zones, by Python's zoneinfo.

Hours that follow each other by one hour on the clock are one line: zone, first second since 1970, how many hours,
and what the clock shows in the first and the last of them."""

from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

ZONES = ["Europe/Paris", "America/New_York", "Australia/Lord_Howe"]
FIRST = datetime(2028, 1, 1, tzinfo=timezone.utc)
FORM = "%a %Y-%m-%d %H:%M:%S"

print("# made by local-times.py")
for name in ZONES:
    runs = []
    for hour in range(366 * 24):
        time = FIRST + timedelta(hours=hour)
        local = time.astimezone(ZoneInfo(name)).replace(tzinfo=None)
        if runs and local - runs[-1][-1] == timedelta(hours=1):
            runs[-1][1] += 1
            runs[-1][-1] = local
        else:
            runs.append([int(time.timestamp()), 1, local, local])
    for start, count, first, last in runs:
        print(name, start, count, first.strftime(FORM), last.strftime(FORM), sep="\t")
