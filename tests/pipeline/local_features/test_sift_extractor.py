"""SIFT as an extractor: of a query it finds what was stored of a photograph."""

import cv2
import numpy as np

from pipeline.local_features.fitting import fitted
from pipeline.local_features.sift_extractor import SiftExtractor
from tests.pictures import picture


def test_a_large_photograph_has_the_features_of_its_reduced_copy() -> None:
    """A query comes as it is; what is stored was reduced beforehand."""
    settings = {"upright": True, "contrast": 0.01, "side": 200}
    extractor = SiftExtractor("f" * 64, settings, 300, 256)
    large = cv2.resize(picture(0, 160), (900, 700), interpolation=cv2.INTER_CUBIC)
    reduced, factors = fitted(large, 256)
    stored = extractor.extract(reduced).enlarged(factors)
    asked = extractor.extract(large)
    assert len(asked) > 50
    np.testing.assert_allclose(asked.descriptors, stored.descriptors, atol=1e-6)
    np.testing.assert_allclose(asked.locations, stored.locations, atol=1e-2)
