"""A union of models that is made from a list. pydantic treats it as a written-out ``A | B``."""

import functools
import operator
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema


@dataclass(frozen=True, slots=True)
class OneOf:
    """Annotates a base class: the value is an instance of one of these subclasses.

    Type checkers see the base class alone, so code that uses the value cannot depend on a subclass.
    """

    models: tuple[type[BaseModel], ...]
    """At least two."""
    key: str
    """The key whose value says which: a ``Literal`` of a different value in each."""

    def __get_pydantic_core_schema__(self, _source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Return the schema of the union."""
        union: Any = functools.reduce(operator.or_, self.models)
        return handler.generate_schema(Annotated[union, Field(discriminator=self.key)])
