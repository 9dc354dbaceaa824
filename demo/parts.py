"""What the parts of the server share."""

import dataclasses

from demo.asking.service import Service
from demo.catalogue import Catalogue
from demo.making.making import Making
from demo.measurements import Measurements
from demo.uploads.kept import Kept


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
