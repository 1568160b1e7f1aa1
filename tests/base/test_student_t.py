"""Student's quantiles against printed tables."""

from __future__ import annotations

from statistics import NormalDist

import pytest

from tinylm.base.student_t import student_quantile


@pytest.mark.parametrize(
    ("level", "degrees", "table"),
    # Student's t, as in any table (NIST/SEMATECH e-Handbook, 1.3.6.7.2).
    [
        (0.95, 1, 6.314),
        (0.975, 1, 12.706),
        (0.95, 3, 2.353),
        (0.975, 4, 2.776),
        (0.99, 6, 3.143),
        (0.95, 11, 1.796),
        (0.95, 30, 1.697),
        (0.5, 5, 0.0),
    ],
)
def test_student_quantiles(level: float, degrees: int, table: float) -> None:
    assert student_quantile(level, degrees) == pytest.approx(table, abs=6e-4)


def test_students_t_is_normal_with_many_degrees() -> None:
    assert student_quantile(0.975, 10_000) == pytest.approx(NormalDist().inv_cdf(0.975), abs=1e-3)
