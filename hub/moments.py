"""Moments as programs send them."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime


def _in_utc(moment: datetime) -> datetime:
    """Raises ValueError for one that the calendar of UTC does not reach."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("there is no such moment") from None


Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]
