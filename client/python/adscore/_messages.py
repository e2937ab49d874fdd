"""The messages of adscore.v1 that this client needs, by their numbers in proto/adscore/v1/prediction_service.proto.

Built when the package is imported, so that no generated code has to fit the installed protobuf. A test compares them
with the .proto.
"""
from __future__ import annotations

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_F = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "string": _F.TYPE_STRING,
    "int64": _F.TYPE_INT64,
    "uint32": _F.TYPE_UINT32,
    "fixed64": _F.TYPE_FIXED64,
    "float": _F.TYPE_FLOAT,
    "double": _F.TYPE_DOUBLE,
    "int32": _F.TYPE_INT32,
}

# message → (field, number, type); a type in brackets is repeated, an upper-case one a message.
MESSAGES: dict[str, list[tuple[str, int, str]]] = {
    "PackedColumns": [
        ("numeric", 1, "[float]"),
        ("categorical", 2, "[fixed64]"),
        ("multi_count", 3, "[uint32]"),
        ("multi", 4, "[fixed64]"),
    ],
    "PackedFeatures": [
        ("schema_fingerprint", 1, "fixed64"),
        ("context", 2, "PackedColumns"),
        ("candidates", 3, "PackedColumns"),
    ],
    "PredictRequest": [
        ("model", 1, "string"),
        ("version", 2, "int64"),
        ("candidate_count", 3, "uint32"),
        ("packed", 4, "PackedFeatures"),
    ],
    "HeadPredictions": [("probability", 1, "[float]"), ("head", 2, "string")],
    "PredictResponse": [("version", 1, "int64"), ("heads", 2, "[HeadPredictions]")],
    "GetModelRequest": [("model", 1, "string"), ("version", 2, "int64")],
    "Feature": [
        ("name", 1, "string"),
        ("kind", 2, "int32"),  # an enumeration: the same on the wire
        ("role", 3, "int32"),
        ("delimiter", 4, "string"),
    ],
    "Head": [("name", 1, "string"), ("base_rate", 2, "double"), ("after", 3, "string")],
    "GetModelResponse": [
        ("model", 1, "string"),
        ("version", 2, "int64"),
        ("schema_fingerprint", 3, "fixed64"),
        ("features", 4, "[Feature]"),
        ("heads", 5, "[Head]"),
        ("serving_versions", 6, "[int64]"),
    ],
}

NUMERIC, CATEGORICAL, MULTI_CATEGORICAL = 1, 2, 3
CONTEXT, CANDIDATE = 1, 2


def _build() -> dict[str, type]:
    package = "adscore.v1"
    file = descriptor_pb2.FileDescriptorProto(name="adscore/python_client.proto", package=package, syntax="proto3")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for field_name, number, kind in fields:
            repeated, kind = kind.startswith("["), kind.strip("[]")
            field = message.field.add(name=field_name, number=number)
            field.label = _F.LABEL_REPEATED if repeated else _F.LABEL_OPTIONAL
            if kind in _SCALARS:
                field.type = _SCALARS[kind]
            else:
                field.type = _F.TYPE_MESSAGE
                field.type_name = f".{package}.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}")) for name in MESSAGES
    }


_CLASSES = _build()
GetModelRequest = _CLASSES["GetModelRequest"]
GetModelResponse = _CLASSES["GetModelResponse"]
PredictRequest = _CLASSES["PredictRequest"]
PredictResponse = _CLASSES["PredictResponse"]
