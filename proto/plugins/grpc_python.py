"""A protoc plugin that makes the `*_pb2_grpc.py` stubs.

buf runs plugins as programs that read a CodeGeneratorRequest; grpcio-tools
has its stub generator only inside `grpc_tools.protoc`. This hands the
request's descriptors to it and returns the files that it wrote.
"""

import pathlib
import sys
import tempfile

from google.protobuf import descriptor_pb2
from google.protobuf.compiler import plugin_pb2
from grpc_tools import protoc


def main() -> None:
    """Answer the request on standard input."""
    request = plugin_pb2.CodeGeneratorRequest.FromString(sys.stdin.buffer.read())
    response = plugin_pb2.CodeGeneratorResponse(
        supported_features=plugin_pb2.CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL
    )
    with_services = [
        file.name
        for file in request.proto_file
        if file.service and file.name in request.file_to_generate
    ]
    with tempfile.TemporaryDirectory() as folder:
        descriptors = pathlib.Path(folder, "request.binpb")
        files = descriptor_pb2.FileDescriptorSet(file=request.proto_file)
        descriptors.write_bytes(files.SerializeToString())
        out = pathlib.Path(folder, "out")
        out.mkdir()
        arguments = [f"--descriptor_set_in={descriptors}", f"--grpc_python_out={out}"]
        if with_services and protoc.main(["protoc", *arguments, *with_services]):
            response.error = "grpc_tools.protoc failed; its words are above"
        for path in sorted(out.rglob("*.py")):
            response.file.add(name=path.relative_to(out).as_posix(), content=path.read_text())
    sys.stdout.buffer.write(response.SerializeToString())


if __name__ == "__main__":
    main()
