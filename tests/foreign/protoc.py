"""Python stubs as the examples' READMEs make them: protoc.py PROTO_FOLDER OUT_FOLDER FILE..."""
import sys

from grpc_tools import protoc

folder, out, *files = sys.argv[1:]
included = protoc.__file__.rsplit("/", 1)[0] + "/_proto"
sys.exit(protoc.main(["protoc", f"-I{folder}", f"-I{included}", f"--python_out={out}", f"--grpc_python_out={out}", *files]))
