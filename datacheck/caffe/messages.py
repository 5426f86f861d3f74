"""Parse Caffe's files with protobuf messages built from the schema. Only this module uses protobuf's API."""

from __future__ import annotations

from functools import cache
from typing import Any

from datacheck.caffe import schema

PACKAGE = "caffe"


class MalformedMessage(Exception):
    """A message that protobuf rejects: the reason and the line (None if unknown or if the input is binary)."""

    def __init__(self, line: int | None, reason: str) -> None:
        super().__init__(line, reason)
        self.line, self.reason = line, reason


def parse_text(name: str, text: str) -> Any:
    """Return the message `name` parsed from `text`, ignoring fields that the schema lacks.

    Raises MalformedMessage. The caller must bound the nesting depth, because the library recurses.
    """
    from google.protobuf import text_format

    message = message_class(name)()
    try:
        text_format.Parse(text, message, allow_unknown_field=True)
    except text_format.ParseError as exc:
        reason = str(exc)
        if exc.GetLine() is not None:
            reason = reason.partition(" : ")[2]
        raise MalformedMessage(exc.GetLine(), _reworded(reason)) from exc
    _check_required(message)
    return message


def parse_binary(name: str, data: bytes) -> Any:
    """Return the message `name` that is encoded in `data`. Raises MalformedMessage."""
    from google.protobuf.message import DecodeError

    message = message_class(name)()
    try:
        message.ParseFromString(data)
    except DecodeError as exc:
        raise MalformedMessage(None, "its bytes are not an encoded message, or are cut short") from exc
    return message


def _check_required(message: Any) -> None:
    missing = message.FindInitializationErrors()
    if missing:
        raise MalformedMessage(None, f"the required field {missing[0]} is missing")


def _reworded(reason: str) -> str:
    """Return the library's error message without the names that only this schema has."""
    if reason.startswith(("'", '"')) and ": " in reason:  # it begins with the quoted line
        reason = reason.rpartition(": ")[2]
    reason = reason.replace(".Values", "").replace(f"{PACKAGE}.", "").strip().rstrip(".")
    return " ".join(reason.replace("'", '"').split())


@cache
def message_class(name: str) -> type[Any]:
    """Return the class of the schema's message `name`."""
    from google.protobuf import message_factory

    result: type[Any] = message_factory.GetMessageClass(_pool().FindMessageTypeByName(f"{PACKAGE}.{name}"))
    return result


@cache
def _pool() -> Any:
    """Return the descriptors of the schema, in a separate pool because this process may have loaded Caffe's own too."""
    from google.protobuf import descriptor_pb2, descriptor_pool

    file = descriptor_pb2.FileDescriptorProto(name="datacheck/caffe.proto", package=PACKAGE, syntax="proto2")
    for name, values in schema.enums().items():
        enum = file.message_type.add(name=name).enum_type.add(name="Values")  # values share their parent's namespace
        for value, number in values.items():
            enum.value.add(name=value, number=number)
    kinds = descriptor_pb2.FieldDescriptorProto
    for name, fields in schema.messages().items():
        message = file.message_type.add(name=name)
        for field in fields.values():
            label = "REPEATED" if field.repeated else "REQUIRED" if field.required else "OPTIONAL"
            descriptor = message.field.add(
                name=field.name, number=field.number, label=kinds.Label.Value(f"LABEL_{label}")
            )
            if field.type in schema.enums():
                descriptor.type, descriptor.type_name = kinds.TYPE_ENUM, f".{PACKAGE}.{field.type}.Values"
            elif field.type in schema.messages():
                descriptor.type, descriptor.type_name = kinds.TYPE_MESSAGE, f".{PACKAGE}.{field.type}"
            else:
                descriptor.type = kinds.Type.Value(f"TYPE_{field.type.upper()}")
            if field.default is not None:
                descriptor.default_value = field.default
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return pool
