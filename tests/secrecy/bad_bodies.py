"""Bodies that are refused, with canaries in each place that may be quoted."""

from collections.abc import Iterator

from secrecy.driven import Driven


def bad_bodies(driven: Driven) -> Iterator[tuple[str, bytes]]:
    value, name = driven.value("refused").encode(), driven.name("refused").encode()
    key, context = driven.context("bad key").encode(), driven.context("bad value").encode()
    pairs = b'{"organization_id":"org_acme","%s":"%s"}' % (key, context)
    whole = b'"name":"%s","value":"%s","key_context":%s,"context":%s,"keys":"%s","encrypted_keys":"%s"'
    whole %= name, value, pairs, pairs, value, value
    yield "cut short", b"{%s" % whole
    yield "trailing", b"{%s}%s" % (whole, value)
    yield "member twice", b'{%s,"value":"%s"}' % (whole, value)
    yield "NaN", b'{%s,"x":NaN}' % whole
    yield "lone surrogate", b'{%s,"x":"%s\\ud800"}' % (whole, value)
    yield "not UTF-8", b'{%s,"x":"%s\xff"}' % (whole, value)
    yield "an array", b'["%s"]' % value
    yield "a string", b'"%s"' % value
    yield "deep", b'{%s,"x":%s"%s"%s}' % (whole, b"[" * 40, value, b"]" * 40)
    yield "a list for each", b'{"name":["%s"],"value":["%s"],"key_context":["%s"],"context":["%s"],"keys":["%s"]}' % (
        name, value, context, context, value
    )  # fmt: skip
    yield "texts for contexts", b'{"name":"n","value":"v","key_context":"%s","context":"%s"}' % (context, context)
    yield "unknown members", b'{"%s":1,"%s":{"%s":1}}' % (value, name, context)
    yield "long", b'{"name":"%s","value":"v","key_context":{"%s":"%s"},"context":{"%s":"%s"}}' % (
        name * 20, key * 20, context * 50, key * 20, context * 50
    )  # fmt: skip
    yield "controls", b'{"name":"%s\\u0000","value":"v","key_context":{"%s\\u0000":"x"},"context":{"%s":"\\u0000"}}' % (
        name, key, context
    )  # fmt: skip
    yield "organizations", b'{"name":"%s","value":"v","key_context":{"organization_id":"%s!"},"context":%s}' % (
        name, context, b'{"organization_id":"%s","organizationId":"%s"}' % (key, context)
    )  # fmt: skip
    yield "version_check", b'{"value":"%s","version_check":["%s"]}' % (value, name)
