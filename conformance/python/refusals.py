"""What the suites over boto3 hold of a refusal."""

from botocore.exceptions import ClientError


def refused(code, call, status=None, **parameters):
    """The call fails with that error code, and with that status if one is given; gives its message back."""
    try:
        call(**parameters)
    except ClientError as error:
        assert error.response["Error"]["Code"] == code, error
        answer = error.response["ResponseMetadata"]
        assert answer["RequestId"], error.response
        assert status in (None, answer["HTTPStatusCode"]), error.response
        return error.response["Error"]["Message"]
    raise AssertionError(f"expected {code}")
