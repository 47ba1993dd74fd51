"""What every generated model does: it accepts exactly what the schema accepts, and fills in presets.

The models in `llem.models` only state names and types. Rules, bounds and messages come from the specification.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from llem import messages, reader, resolution, spec, verdict


class LlemModel(BaseModel):
    """A part of a document as an immutable object: unset is None or what the schema's default says."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)

    @model_validator(mode="wrap")
    @classmethod
    def _judge(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if isinstance(value, cls):
            return value
        if not isinstance(value, Mapping | list | str | int | float):
            return handler(value)
        section = _section(cls.__name__)
        names = {name: field.alias or name for name, field in cls.model_fields.items()}
        if isinstance(value, Mapping):
            value = {names.get(key, key): item for key, item in value.items()}
        document, faults = reader.normalise(value)
        found = [messages.Message(fault.path, fault.rule, fault.message) for fault in faults]
        found += messages.messages(verdict.violations(document, section))
        if found:
            raise ValidationError.from_exception_data(cls.__name__, [_details(one, document) for one in found])
        return _filled(handler({key: item for key, item in document.items() if item is not None}), section)

    def __llem_document__(self) -> dict[str, Any]:
        """The document that this instance was made from: what was set on it, and nothing else."""
        return {
            type(self).model_fields[name].alias or name: getattr(self, name)
            for name in type(self).model_fields
            if name in self.model_fields_set
        }

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:  # noqa: ARG002
        """A copy with `update` set on it, judged like a new instance. Raises ValidationError."""
        return type(self).model_validate({**self.__llem_document__(), **(update or {})})

    @classmethod
    def model_construct(cls, _fields_set: set[str] | None = None, **values: Any) -> Self:
        """A new instance, judged like any other: there is no way around the rules. Raises ValidationError."""
        return cls.model_validate(values)


Model = TypeVar("Model", bound=LlemModel)


@cache
def _section(title: str) -> str:
    """The definition in the schema that a model stands for; "" is the whole document."""
    found = [name for name, definition in spec.bundle()["$defs"].items() if definition.get("title") == title]
    return found[0] if found else ""


def _filled(instance: Model, section: str) -> Model:
    """The instance with the values of its presets, which do not count as set on it."""
    own = instance.__llem_document__()
    document = {section: own} if section else own
    for field in spec.fields():
        if field.path[:-1] == ((section,) if section else ()) and field.name not in instance.model_fields_set:
            value = resolution.from_preset(document, field)
            if value is not None:
                instance.__dict__[field.name] = float(value) if field.types == ["number"] else value
    return instance


def _details(message: messages.Message, document: Any) -> InitErrorDetails:
    value = document
    for part in message.path:
        inside = (isinstance(value, dict) and part in value) or isinstance(value, list)
        value = value[part] if inside else None
    error = PydanticCustomError("llem_rule", "{text} [{rule}]", {"text": message.text, "rule": message.rule})
    return InitErrorDetails(type=error, loc=message.path, input=value)
