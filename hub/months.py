"""Months as they are written in dates: 2026-01."""

from datetime import datetime


def month_of(now: datetime) -> str:
    return now.strftime("%Y-%m")


def month_after(month: str, count: int = 1) -> str:
    """So many months later; earlier, with less than nothing."""
    whole = int(month[:4]) * 12 + int(month[5:7]) - 1 + count
    return f"{max(whole // 12, 1):04d}-{whole % 12 + 1:02d}"


def oldest_kept(now: datetime, months: int) -> str:
    """The first month that is kept where so many are kept beside the present one."""
    return month_after(month_of(now), -months)
