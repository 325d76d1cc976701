"""Why something ended badly."""

from pydantic import BaseModel


class FailureRecord(BaseModel):
    """Why something ended badly; the fields are those of adjutant.common.v1.Failure."""

    reason: str
    message: str
    disposition: str = "WORK"
