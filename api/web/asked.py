"""What an address asks, read as strictly as the API reads it; a field that was left empty was not filled in."""

from __future__ import annotations

from typing import Any

from marshmallow import ValidationError

from api.fields import StrictSchema, parameter_faults
from api.problems import Problem
from api.web.visit import Visit

__all__ = ["asked"]


def asked(visit: Visit, schema: StrictSchema) -> dict[str, Any]:
    """The query of a visit, typed; it is then also the visit's query, for functions of the API. Raises Problem with
    every fault."""
    given = {name: value for name, value in visit.query.items() if value != "" and name in schema.fields}
    try:
        found: dict[str, Any] = schema.load(given)
    except ValidationError as error:
        assert isinstance(error.messages, dict)
        raise Problem("bad-query", list(parameter_faults(error.messages, schema))) from None
    visit.query = found
    return found
