"""How Google says no: a google.rpc.Status in JSON (https://google.aip.dev/193, https://cloud.google.com/apis/design/errors)."""

CODES = {  # https://cloud.google.com/apis/design/errors#handling_errors
    "INVALID_ARGUMENT": 400,
    "FAILED_PRECONDITION": 400,
    "OUT_OF_RANGE": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "ABORTED": 409,
    "RESOURCE_EXHAUSTED": 429,
    "CANCELLED": 499,
    "DATA_LOSS": 500,
    "UNKNOWN": 500,
    "INTERNAL": 500,
    "UNIMPLEMENTED": 501,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
TYPES = "type.googleapis.com/google.rpc."


class Refused(Exception):
    """`reason` becomes an ErrorInfo, `violation` a PreconditionFailure, `retry_delay` a RetryInfo."""

    def __init__(self, status, message="refused", *, reason="", violation=None, retry_delay=""):
        super().__init__(message)
        details = []
        if reason:
            details.append({"@type": f"{TYPES}ErrorInfo", "reason": reason, "domain": "googleapis.com"})
        if violation:
            details.append({"@type": f"{TYPES}PreconditionFailure", "violations": [violation]})
        if retry_delay:
            details.append({"@type": f"{TYPES}RetryInfo", "retryDelay": retry_delay})
        self.code = CODES[status]
        self.body = {"error": {"code": self.code, "message": message, "status": status, "details": details}}
