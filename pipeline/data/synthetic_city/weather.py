"""Light and weather: what the hour, the sky and the season do to colours."""

import dataclasses

import numpy as np

Tint = tuple[float, float, float]
"""Linear RGB; 1 leaves a white wall white."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Weather:
    """An hour of a day.

    `sun`, `ambient` and `lamps` are the linear light of the sun, of the sky, and of floodlights at
    the foot of walls. `zenith` and `horizon` are the sky's colours and `clouds` the clouds', sRGB
    0 to 255; `cover` is the share of sky under cloud; `haze` is per metre; `elevation` is the
    sun's, in degrees; `glow` is how brightly windows shine, `snow` how white the roofs lie.
    """

    sun: Tint
    ambient: Tint
    zenith: Tint
    horizon: Tint
    clouds: Tint = (244, 244, 246)
    lamps: Tint = (0.0, 0.0, 0.0)
    cover: float = 0.3
    haze: float = 0.0012
    elevation: tuple[float, float] = (25.0, 60.0)
    glow: float = 0.0
    snow: float = 0.0


_CLEAR = Weather(
    sun=(0.78, 0.74, 0.64),
    ambient=(0.36, 0.4, 0.47),
    zenith=(72, 126, 190),
    horizon=(186, 210, 230),
)
_OVERCAST = Weather(
    sun=(0.06, 0.06, 0.06),
    ambient=(0.62, 0.64, 0.67),
    zenith=(168, 175, 184),
    horizon=(212, 215, 219),
    clouds=(224, 226, 229),
    cover=0.75,
    haze=0.004,
)
WEATHERS: dict[str, tuple[float, Weather]] = {
    "clear": (0.22, _CLEAR),
    "fair": (0.16, dataclasses.replace(_CLEAR, cover=0.55, ambient=(0.42, 0.45, 0.5))),
    "morning": (
        0.1,
        Weather(
            sun=(0.86, 0.66, 0.42),
            ambient=(0.32, 0.36, 0.46),
            zenith=(112, 152, 200),
            horizon=(246, 220, 188),
            clouds=(252, 232, 214),
            cover=0.4,
            haze=0.004,
            elevation=(10.0, 22.0),
        ),
    ),
    "sunset": (
        0.1,
        Weather(
            sun=(0.82, 0.46, 0.2),
            ambient=(0.28, 0.26, 0.34),
            zenith=(88, 104, 158),
            horizon=(250, 186, 128),
            clouds=(246, 170, 132),
            cover=0.5,
            haze=0.002,
            elevation=(6.0, 14.0),
            glow=0.35,
        ),
    ),
    "overcast": (0.16, _OVERCAST),
    "fog": (
        0.05,
        dataclasses.replace(
            _OVERCAST, haze=0.016, zenith=(204, 207, 210), horizon=(218, 219, 220), cover=0.2
        ),
    ),
    "dusk": (
        0.07,
        Weather(
            sun=(0.0, 0.0, 0.0),
            ambient=(0.12, 0.15, 0.26),
            zenith=(34, 52, 104),
            horizon=(160, 138, 150),
            clouds=(96, 92, 124),
            lamps=(0.3, 0.2, 0.1),
            cover=0.4,
            haze=0.001,
            glow=0.9,
        ),
    ),
    "night": (
        0.05,
        Weather(
            sun=(0.0, 0.0, 0.0),
            ambient=(0.035, 0.045, 0.085),
            zenith=(9, 13, 32),
            horizon=(44, 46, 68),
            clouds=(34, 36, 54),
            lamps=(0.52, 0.34, 0.15),
            cover=0.35,
            haze=0.001,
            glow=1.0,
        ),
    ),
    "snow": (0.05, dataclasses.replace(_OVERCAST, snow=0.85, haze=0.007)),
    "frost": (
        0.04,
        dataclasses.replace(
            _CLEAR, sun=(0.74, 0.64, 0.5), snow=0.8, elevation=(10.0, 20.0), haze=0.003
        ),
    ),
}
"""Every weather's share of the photographs, and what it is."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Light:
    """The light of one photograph: its weather, and the unit vector (3,) towards the sun."""

    weather: Weather
    towards_sun: np.ndarray

    def tables(self, normals: np.ndarray, distances: np.ndarray, lamps: np.ndarray) -> np.ndarray:
        """What the channels of faces become under this light.

        Args:
            normals: Unit, outwards, (n, 3).
            distances: From the camera, in metres, (n,).
            lamps: How much of the floodlights falls on each face, (n,).

        Returns:
            (n, 256, 4) uint8. The fourth channel, a window's glow, only fades in haze.
        """
        weather = self.weather
        sunlit = np.clip(normals @ self.towards_sun, 0.0, None)[:, None]
        upwards = normals[:, 2:]
        linear = (
            sunlit * weather.sun
            + (0.8 + 0.2 * upwards) * weather.ambient
            + (lamps * (1.0 - 0.7 * np.abs(upwards[:, 0])))[:, None] * weather.lamps
        )
        snow = weather.snow * np.clip(1.6 * upwards - 0.4, 0.0, 1.0)
        haze = (1.0 - np.exp(-weather.haze * distances))[:, None]
        clear = 1.0 - haze
        # sRGB is close to a power of 2.2, so linear light scales stored values by light^(1/2.2).
        gain = linear ** (1 / 2.2)
        slope = gain * (1.0 - snow) * clear
        offset = gain * snow * 236.0 * clear + haze * weather.horizon
        slope = np.concatenate([slope, clear * weather.glow], axis=-1)
        offset = np.concatenate([offset, np.zeros_like(clear)], axis=-1)
        ramp = np.arange(256, dtype=np.float32)[:, None]
        tables = slope[:, None].astype(np.float32) * ramp + offset[:, None].astype(np.float32)
        np.minimum(tables, 255.0, out=tables)
        return tables.astype(np.uint8)


def draw_light(rng: np.random.Generator) -> Light:
    """Picks a weather by its share, and a sun within its elevations, most often in front."""
    shares = np.array([share for share, _ in WEATHERS.values()])
    choice = rng.choice(len(shares), p=shares / shares.sum())
    weather = list(WEATHERS.values())[choice][1]
    elevation = np.radians(rng.uniform(*weather.elevation))
    azimuth = np.radians(rng.normal(0.0, 65.0))
    towards_sun = np.array(
        [
            np.sin(azimuth) * np.cos(elevation),
            -np.cos(azimuth) * np.cos(elevation),
            np.sin(elevation),
        ]
    )
    return Light(weather=weather, towards_sun=towards_sun)
