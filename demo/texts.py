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


class Collections:
    """The tab in which collections are made and looked at, and what is done to them."""

    NAMELESS = "photograph"
    NO_BASKET = "What was sent is kept here no more. Choose the photographs again."
    DAMAGED = "The photograph is damaged. Choose another one, or save it anew."
    NOTHING = "Choose photographs first: send some, or name a folder of this machine."
    NOT_ALLOWED = (
        "This folder may not be used here. Start the page with --photos=DIR to allow a folder and "
        "all in it."
    )
    NOT_OWN = (
        "This collection was not made on this page. Change it with `python -m pipeline.embed` and "
        "`python -m pipeline.update_index`."
    )
    NO_NAME = (
        "Give the collection a name of at most 60 letters, digits, hyphens and underscores, such "
        "as holiday-2026."
    )
    TAKEN = "There is a collection {name} already. Choose another name, or add to that one below."
    NO_MODEL = "There is no such model here any more. Choose another one."
    NO_KIND = "There is no such kind of index. Choose one of the list."
    BUSY = "Something is being done to {name}. Wait until it is done, or stop it."
    QUEUE_FULL = "Too much is waiting already. Wait until some of it is done."
    NO_JOB = "That is not remembered here any more."
    CHOOSE = "Choose the photographs to remove first, at most {most} at a time."
    TOO_MANY_TO_COMPARE = (
        "Copies are looked for here among at most {most} photographs. For more, run `python -m "
        "pipeline.search --duplicates`."
    )
    DESCRIBING = "Looking at the photographs ({model})"
    INDEXING = "Making them searchable"
    COMPARING = "Trying every kind of index, and choosing one"
    ADDING = "Adding what is new"
    REMOVING = "Removing the photographs"

    @staticmethod
    def too_many(most: int) -> str:
        """That no more photographs are taken."""
        return (
            f"At most {most:,} photographs are taken at a time. Make a collection of these first."
        )

    @staticmethod
    def ended_with(status: int) -> str:
        """That a command ended without telling why."""
        how = f"was ended by the signal {-status}" if status < 0 else f"ended with {status}"
        return (
            f"The command {how}. There may be too little memory, or too little room on the disk. "
            "Mend that and press “Go on”: nothing that was done is lost."
        )

    @staticmethod
    def outcome(held: int, count: int, left_out: list[tuple[str, str]]) -> str:
        """How many photographs can be searched, and which were left out."""
        said = f"{held:,} photographs can be searched."
        if not count:
            return said
        named = "; ".join(f"{name}: {reason}" for name, reason in left_out)
        return f"{said} {count:,} files were left out ({named}{'; …' if count > 3 else ''})."
