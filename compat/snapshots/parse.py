"""Reads answers from standard input, one JSON object a line, with botocore's parsers, and prints what they mean."""
import base64
import datetime
import json
import sys

import botocore.loaders
import botocore.model
import botocore.parsers

NAMES = {"sagemakerruntime": "sagemaker-runtime"}
loader = botocore.loaders.Loader()
factory = botocore.parsers.ResponseParserFactory()
models = {}


class Headers(dict):
    """Header names know no case."""

    def __init__(self, pairs):
        super().__init__({k.lower(): v for k, v in pairs.items()})

    def __getitem__(self, k):
        return super().__getitem__(k.lower())

    def __contains__(self, k):
        return super().__contains__(k.lower())

    def get(self, k, default=None):
        return super().get(k.lower(), default)


def plain(x):
    if isinstance(x, dict):
        return {k: plain(v) for k, v in x.items() if k != "ResponseMetadata"}
    if isinstance(x, list):
        return [plain(v) for v in x]
    if isinstance(x, datetime.datetime):
        return int(x.timestamp())
    if isinstance(x, bytes):
        return base64.b64encode(x).decode()
    return x


for line in sys.stdin:
    call = json.loads(line)
    name = NAMES.get(call["service"], call["service"])
    if name not in models:
        models[name] = botocore.model.ServiceModel(loader.load_service_model(name, "service-2"))
    shape = models[name].operation_model(call["operation"]).output_shape
    parser = factory.create_parser(models[name].metadata["protocol"])
    answer = {"status_code": call["status"], "headers": Headers(call["headers"]), "body": base64.b64decode(call["body"] or "")}
    print(json.dumps(plain(parser.parse(answer, shape))))
