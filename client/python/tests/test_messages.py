"""The messages are those of the .proto."""
from pathlib import Path

from google.protobuf import descriptor_pb2
from grpc_tools import protoc

from adscore import _messages

PROTO = Path(__file__).parents[3] / "proto"


def test_every_field_has_the_number_and_type_of_the_contract(tmp_path):
    out = tmp_path / "set"
    arguments = ["protoc", f"-I{PROTO}", f"--descriptor_set_out={out}", "adscore/v1/prediction_service.proto"]
    include = Path(protoc.__file__).parent / "_proto"
    assert protoc.main([*arguments, f"-I{include}"]) == 0
    files = descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes())
    contract = {message.name: message for message in files.file[0].message_type}
    ours = {name: _messages._CLASSES[name].DESCRIPTOR for name in _messages.MESSAGES}
    F = descriptor_pb2.FieldDescriptorProto
    for name, message in ours.items():
        theirs = {field.name: field for field in contract[name].field}
        for field in message.fields:
            expected = theirs[field.name]
            assert field.number == expected.number, (name, field.name)
            kind = F.TYPE_INT32 if expected.type == F.TYPE_ENUM else expected.type
            assert field.type == kind, (name, field.name)
            proto = descriptor_pb2.DescriptorProto()
            message.CopyToProto(proto)
            labels = {f.name: f.label for f in proto.field}
            assert labels[field.name] == expected.label, (name, field.name)
