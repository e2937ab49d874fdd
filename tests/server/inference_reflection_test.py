#!/usr/bin/env python3
"""Drives the Open Inference Protocol with a client that shares no code with the server.

It knows gRPC and protobuf and the protocol's documentation, and nothing of this project: message types come from the
server, by reflection. usage: inference_reflection_test.py ADSCORE_SERVER PUBLISH_TINY

Exits 77 where Debian's python3-grpcio and python3-protobuf are not installed.
"""

import json
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

try:
    import grpc
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
except ImportError as error:
    print(f"inference_reflection_test.py: Skipped\n{error}; install python3-grpcio and python3-protobuf", flush=True)
    print("[  SKIPPED ] InferenceReflection (0 ms)")
    sys.exit(77)

TIMEOUT = 20  # seconds


def message_class(pool, name):
    descriptor = pool.FindMessageTypeByName(name)
    if hasattr(message_factory, "GetMessageClass"):
        return message_factory.GetMessageClass(descriptor)
    return message_factory.MessageFactory(pool).GetPrototype(descriptor)


def reflection_messages():
    """The few messages of grpc.reflection.v1alpha that are needed, as their numbers are published."""
    file = descriptor_pb2.FileDescriptorProto(name="reflection_subset.proto", package="grpc.reflection.v1alpha",
                                              syntax="proto3")
    string, data, message = 9, 12, 11

    def add(name, *fields):
        added = file.message_type.add(name=name)
        for number, field, kind, repeated, of in fields:
            added.field.add(name=field, number=number, type=kind, label=3 if repeated else 1,
                            type_name=f".grpc.reflection.v1alpha.{of}" if of else None)

    add("ServerReflectionRequest", (4, "file_containing_symbol", string, False, ""), (7, "list_services", string, False, ""))
    add("FileDescriptorResponse", (1, "file_descriptor_proto", data, True, ""))
    add("ServiceResponse", (1, "name", string, False, ""))
    add("ListServiceResponse", (1, "service", message, True, "ServiceResponse"))
    add("ServerReflectionResponse", (4, "file_descriptor_response", message, False, "FileDescriptorResponse"),
        (6, "list_services_response", message, False, "ListServiceResponse"))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return (message_class(pool, "grpc.reflection.v1alpha.ServerReflectionRequest"),
            message_class(pool, "grpc.reflection.v1alpha.ServerReflectionResponse"))


class Reflection:
    """Services of a server and stubs for them, from what the server says of itself."""

    def __init__(self, channel):
        self.channel = channel
        self.pool = descriptor_pool.DescriptorPool()
        self.known = set()
        self.Request, self.Response = reflection_messages()

    def ask(self, **request):
        call = self.channel.stream_stream("/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                                          self.Request.SerializeToString, self.Response.FromString)
        return next(call(iter([self.Request(**request)]), timeout=TIMEOUT))

    def services(self):
        return [service.name for service in self.ask(list_services="*").list_services_response.service]

    def stub(self, service):
        files = {}
        for data in self.ask(file_containing_symbol=service).file_descriptor_response.file_descriptor_proto:
            file = descriptor_pb2.FileDescriptorProto.FromString(data)
            files[file.name] = file

        def add(file):  # after what it imports
            if file.name in self.known:
                return
            self.known.add(file.name)
            for name in file.dependency:
                add(files[name])
            self.pool.Add(file)

        for file in files.values():
            add(file)
        return Stub(self, service)


class Stub:
    def __init__(self, reflection, service):
        self.reflection = reflection
        self.service = reflection.pool.FindServiceByName(service)

    def request(self, method):
        return message_class(self.reflection.pool, self.service.methods_by_name[method].input_type.full_name)

    def __call__(self, method, request=None):
        answer = message_class(self.reflection.pool, self.service.methods_by_name[method].output_type.full_name)
        Request = self.request(method)
        call = self.reflection.channel.unary_unary(f"/{self.service.full_name}/{method}", Request.SerializeToString,
                                                   answer.FromString)
        return call(request if request is not None else Request(), timeout=TIMEOUT)


def raw_strings(values):
    return b"".join(struct.pack("<I", len(value)) + value.encode() for value in values)


# Two candidates: (name, datatype, shape, values).
TENSORS = [
    ("hour", "FP32", [1], [13.0]),
    ("site", "BYTES", [1], ["site1"]),
    ("bid", "FP32", [2, 1], [0.5, float("nan")]),
    ("ad", "BYTES", [2, 1], ["ad1", "ad2"]),
    ("tags", "BYTES", [2], ["tag1|tag2", ""]),
]


class InferenceReflection(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = tempfile.TemporaryDirectory()
        subprocess.run([PUBLISH, cls.root.name, "ads", "7"], check=True)
        cls.server = subprocess.Popen([SERVER, "--model-root", cls.root.name, "--listen", "127.0.0.1:0", "--http-listen",
                                       "127.0.0.1:0"], stdout=subprocess.PIPE, text=True)
        line = cls.server.stdout.readline().split()  # listening on grpc://HOST:PORT http://HOST:PORT
        cls.http = line[3]
        cls.channel = grpc.insecure_channel(line[2].replace("grpc://", ""))
        cls.reflection = Reflection(cls.channel)
        cls.stub = cls.reflection.stub("inference.GRPCInferenceService")

    @classmethod
    def tearDownClass(cls):
        cls.channel.close()
        cls.server.terminate()
        cls.server.wait(timeout=60)
        cls.server.stdout.close()
        cls.root.cleanup()

    def infer_request(self, raw, **fields):
        request = self.stub.request("ModelInfer")(model_name="ads", **fields)
        for name, datatype, shape, values in TENSORS:
            tensor = request.inputs.add(name=name, datatype=datatype, shape=shape)
            if raw and datatype == "FP32":
                request.raw_input_contents.append(struct.pack(f"<{len(values)}f", *values))
            elif raw:
                request.raw_input_contents.append(raw_strings(values))
            elif datatype == "FP32":
                tensor.contents.fp32_contents.extend(values)
            else:
                tensor.contents.bytes_contents.extend(value.encode() for value in values)
        return request

    def test_services_are_listed(self):
        services = self.reflection.services()
        for service in ("inference.GRPCInferenceService", "tensorflow.serving.PredictionService",
                        "tensorflow.serving.ModelService", "adscore.v1.PredictionService"):
            self.assertIn(service, services)

    def test_server_and_model_are_ready(self):
        self.assertTrue(self.stub("ServerLive").live)
        self.assertTrue(self.stub("ServerReady").ready)
        Ready = self.stub.request("ModelReady")
        self.assertTrue(self.stub("ModelReady", Ready(name="ads", version="7")).ready)
        self.assertFalse(self.stub("ModelReady", Ready(name="ads", version="8")).ready)

    def test_metadata_name_the_tensors(self):
        self.assertEqual(self.stub("ServerMetadata").name, "adscore")
        metadata = self.stub("ModelMetadata", self.stub.request("ModelMetadata")(name="ads"))
        self.assertEqual([tensor.name for tensor in metadata.inputs], ["hour", "site", "interests", "bid", "ad", "tags"])
        self.assertEqual([tensor.name for tensor in metadata.outputs], ["click", "conversion"])
        config = self.stub("ModelConfig", self.stub.request("ModelConfig")(name="ads")).config
        self.assertGreater(config.max_batch_size, 0)

    def test_raw_typed_and_rest_score_the_same(self):
        raw = self.stub("ModelInfer", self.infer_request(raw=True, id="42"))
        self.assertEqual((raw.id, raw.model_version), ("42", "7"))
        self.assertEqual([output.name for output in raw.outputs], ["click", "conversion"])
        columns = [struct.unpack("<2f", data) for data in raw.raw_output_contents]
        for column in columns:
            for probability in column:
                self.assertTrue(0 < probability < 1)
        typed = self.stub("ModelInfer", self.infer_request(raw=False))
        self.assertEqual([tuple(output.contents.fp32_contents) for output in typed.outputs], columns)
        rest = self.post("/v2/models/ads/infer", {"inputs": [
            {"name": name, "datatype": datatype, "shape": shape,
             "data": [None if value != value else value for value in values]}
            for name, datatype, shape, values in TENSORS]})
        self.assertEqual([tuple(output["data"]) for output in rest["outputs"]], columns)

    def test_statistics_grow_with_what_was_scored(self):
        def scored():
            answer = self.stub("ModelStatistics", self.stub.request("ModelStatistics")(name="ads"))
            return answer.model_stats[0].inference_count

        before = scored()
        self.stub("ModelInfer", self.infer_request(raw=True))
        self.assertEqual(scored(), before + 2)

    def test_errors_have_their_codes(self):
        request = self.infer_request(raw=True)
        request.raw_input_contents[2] = b"x"
        with self.assertRaises(grpc.RpcError) as caught:
            self.stub("ModelInfer", request)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)
        self.assertIn("input 'bid'", caught.exception.details())
        with self.assertRaises(grpc.RpcError) as caught:
            self.stub("ModelMetadata", self.stub.request("ModelMetadata")(name="adz"))
        self.assertEqual(caught.exception.code(), grpc.StatusCode.NOT_FOUND)
        with self.assertRaises(urllib.error.HTTPError) as refused:
            self.post("/v2/models/adz/infer", {"inputs": []})
        self.assertEqual(refused.exception.code, 404)
        self.assertIn("error", json.load(refused.exception))

    def test_tensorflow_serving(self):
        predict = self.reflection.stub("tensorflow.serving.PredictionService")
        request = predict.request("Predict")()
        request.model_spec.name = "ads"
        for name, datatype, shape, values in TENSORS:
            tensor = request.inputs[name]
            for size in shape:
                tensor.tensor_shape.dim.add(size=size)
            if datatype == "FP32":
                tensor.dtype = 1  # DT_FLOAT
                tensor.float_val.extend(values)
            else:
                tensor.dtype = 7  # DT_STRING
                tensor.string_val.extend(value.encode() for value in values)
        answer = predict("Predict", request)
        self.assertEqual(answer.model_spec.version.value, 7)
        expected = self.stub("ModelInfer", self.infer_request(raw=False))
        for output in expected.outputs:
            self.assertEqual(list(answer.outputs[output.name].float_val), list(output.contents.fp32_contents))
        status = self.reflection.stub("tensorflow.serving.ModelService")
        request = status.request("GetModelStatus")()
        request.model_spec.name = "ads"
        versions = status("GetModelStatus", request).model_version_status
        self.assertEqual([(version.version, version.state) for version in versions], [(7, 30)])  # AVAILABLE

    def post(self, path, body):
        request = urllib.request.Request(self.http + path, json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            return json.load(answer)


class Lines(unittest.TextTestResult):
    """One line per case, as the other tests print them."""

    def startTest(self, test):
        super().startTest(test)
        self.start = time.monotonic()

    def line(self, word, test):
        print(f"[{word}] InferenceReflection.{test._testMethodName} ({(time.monotonic() - self.start) * 1000:.0f} ms)",
              flush=True)

    def addSuccess(self, test):
        super().addSuccess(test)
        self.line("       OK ", test)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.line("  FAILED  ", test)

    def addError(self, test, error):
        super().addError(test, error)
        if hasattr(self, "start"):
            self.line("  FAILED  ", test)


if __name__ == "__main__":
    SERVER, PUBLISH = sys.argv[1:3]
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(InferenceReflection)
    result = unittest.TextTestRunner(resultclass=Lines).run(suite)
    sys.exit(0 if result.wasSuccessful() else 1)
