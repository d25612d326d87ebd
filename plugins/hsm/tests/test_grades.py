"""The grade of the export guard: by what a thief got, and by nothing that is merely worth knowing."""

import pytest

from sealring_hsm.guard import Attempt, Grade, GuardReport

REFUSED = Attempt("wrap a key", succeeded=False)
EXPORTED = Attempt("wrap a key", succeeded=True)
KEPT = Attempt("keep a key on the token", succeeded=True, exports=False)


@pytest.mark.parametrize(
    ("attempts", "grade"),
    [
        ((REFUSED,), Grade.ENFORCED),
        ((REFUSED, KEPT), Grade.ENFORCED),
        ((REFUSED, EXPORTED), Grade.CONVENTION),
        ((EXPORTED, KEPT), Grade.CONVENTION),
    ],
)
def test_one_key_that_got_out_makes_it_a_convention(attempts, grade):
    assert GuardReport(attempts).grade is grade
