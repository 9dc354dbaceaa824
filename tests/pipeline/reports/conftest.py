"""Results that several tests report."""

import pytest

from tests import reported
from tests.reported import Reported


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Reported:
    """See ``tests.reported``; not to be changed."""
    return reported.make(tmp_path_factory.mktemp("reported"))
