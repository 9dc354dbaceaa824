"""What the parts of the server share."""

import dataclasses
import logging

import numpy as np

from demo.asking.service import Service
from demo.catalogue import Catalogue
from demo.making.making import Making
from demo.measurements import Measurements
from demo.uploads.kept import Kept

_BLANK = 64, 64, 3  # a photograph

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Parts:
    """One of each, for routes, endpoints and page.

    Attributes:
        making: Makes and changes collections; None where nobody may.
    """

    catalogue: Catalogue
    service: Service
    kept: Kept
    measurements: Measurements
    making: Making | None = None

    def warm_up(self) -> None:
        """Opens what is asked first, and asks it once, so that the first user does not wait."""
        try:
            for name in self.catalogue.collections()[:1]:
                method = self.catalogue.methods(name)[0]
                self.catalogue.engine(method.name).search(np.zeros(_BLANK, np.uint8), 1)
        except (ValueError, OSError) as error:
            _log.warning("What is asked first could not be opened: %s", error)
