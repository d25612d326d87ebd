"""LocalStack's KMS provider behind HTTP, without LocalStack's runtime, which does not start from its package.

Run as `python localstack_kms.py <port>` in the environment `localstack`. The account is the access key id, 12 digits.
"""

import logging
import sys

from localstack.aws.api import CommonServiceException, RequestContext
from localstack.aws.api.kms import InvalidCiphertextException
from localstack.aws.protocol.serializer import create_serializer
from localstack.aws.skeleton import create_skeleton
from localstack.aws.spec import load_service
from localstack.services.kms.provider import KmsProvider
from werkzeug.serving import WSGIRequestHandler, run_simple
from werkzeug.wrappers import Request

SERVICE = load_service("kms")
SKELETON = create_skeleton(SERVICE, KmsProvider())


def answer(environ, start_response):
    request = Request(environ)
    _, account, region = scope(request)
    context = RequestContext(request)
    context.service, context.account_id, context.region = SERVICE, account, region
    try:
        response = SKELETON.invoke(context)
    except Exception as error:  # noqa: BLE001  what LocalStack does not catch of malformed input
        response = refused(error, context)
    return response(environ, start_response)


def scope(request):
    """SigV4: Credential=<access key id>/<date>/<region>/kms/aws4_request."""
    credential = request.headers["authorization"].partition("Credential=")[2].partition(",")[0].split("/")
    return credential[1], credential[0], credential[2]


def refused(error, context):
    """A ciphertext that LocalStack cannot even parse is an InvalidCiphertextException (KMS API Reference, Decrypt)."""
    decrypting = context.operation is not None and context.operation.name == "Decrypt"
    told = InvalidCiphertextException() if decrypting else CommonServiceException("InternalFailure", str(error), 500)
    serializer = create_serializer(SERVICE)
    return serializer.serialize_error_to_response(told, context.operation, context.request.headers, context.request_id)


if __name__ == "__main__":
    logging.disable(logging.WARNING)
    WSGIRequestHandler.protocol_version = "HTTP/1.1"
    run_simple("127.0.0.1", int(sys.argv[1]), answer, threaded=True)
