"""A synthetic city: photographs of procedurally made buildings, seeded, any number of them."""

from pipeline.data.synthetic_city.city import (
    CityPhotograph,
    CitySettings,
    city_photograph,
    landmark_name,
    render_city,
    render_photograph,
)

__all__ = [
    "CityPhotograph",
    "CitySettings",
    "city_photograph",
    "landmark_name",
    "render_city",
    "render_photograph",
]
