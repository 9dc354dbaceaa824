"""Every English text of the page, one section a part of it."""


class Explained:
    """Why a result was found."""

    NO_FEATURE_MAP = (
        "This method has no feature map whose parts could be compared: it counts visual words or "
        "gradients. Choose a method with a neural network to see which parts are alike."
    )
    COLOURS = "colours from the least to the most alike"
    HEAT = (
        "How like the other photograph as a whole each place is, by the cosine: the brighter, the "
        "more alike. The less alike half of all places is left as it is."
    )
    MAP = "Map of descriptions"
    QUERY = "your photograph"
    OTHERS = "not found"
    NO_LANDMARK = "no known landmark"
    OTHER_LANDMARKS = "other landmarks"

    @staticmethod
    def neighbours(results: int, others: int) -> str:
        """What the map of a query shows."""
        return (
            f"Your photograph, its {results} results, the best numbered, and as grey dots "
            f"{others} of those that were not found: near one another where their descriptions are "
            "(t-SNE). Distances between far groups mean little."
        )
