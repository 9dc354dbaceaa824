import numpy as np
import pytest

from pipeline.exporting.agreement import least_cosine, require_agreement

NORTH = np.array([[0.0, 1.0]])


def test_the_least_cosine_is_that_of_the_worst_row() -> None:
    # (.6, .8) with (1, 0): .6; (0, 1) with itself: 1.
    found = np.array([[0.6, 0.8], [0.0, 1.0]], np.float32)
    assert least_cosine(found, np.array([[1.0, 0.0], [0.0, 1.0]])) == pytest.approx(0.6)


def test_undefined_vectors_agree_with_nothing() -> None:
    assert least_cosine(np.full((1, 2), np.nan), NORTH) == -1


@pytest.mark.parametrize(("angle", "agrees"), [(0.04, True), (0.05, False)])
def test_vectors_in_16_bits_agree_by_their_direction(angle: float, agrees: bool) -> None:
    # cos(.04) = .9992 and cos(.05) = .99875.
    found = np.array([[np.sin(angle), np.cos(angle)]])
    if agrees:
        require_agreement("It", found, NORTH, is_exact=False)
        return
    with pytest.raises(ValueError, match=r"It differs .*is 0\.99875; .* pass --variant=mixed"):
        require_agreement("It", found, NORTH, is_exact=False)


def test_vectors_in_32_bits_agree_number_by_number() -> None:
    require_agreement("It", NORTH + 9e-5, NORTH, is_exact=True)
    with pytest.raises(ValueError, match=r"It differs from the trained network by 0\.0002; at"):
        require_agreement("It", NORTH + 2e-4, NORTH, is_exact=True)
    with pytest.raises(ValueError, match="differs"):
        require_agreement("It", np.full((1, 2), np.nan), NORTH, is_exact=True)
