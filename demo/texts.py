"""Every English text of the page, one section a part of it.

Errors that a user can mend come from ``pipeline/`` and ``demo/`` as they are; what surrounds them
is here. Texts that a script of the page shows are dictionaries, which it is handed.
"""

from collections.abc import Mapping

TITLE = "Landmark retrieval"
INTRODUCTION = "Which landmark is this, and which photographs of the collection show it?"
SKIP = "Skip to the results"


class Tabs:
    """Names of the tabs."""

    SEARCH = "Search"
    COMPARE = "Compare"
    COLLECTIONS = "Collections"


class Photograph:
    """The box that a photograph is chosen in, and the part of it."""

    NAME = "Photograph to search with"
    INVITATION = "Drop a photograph here, or paste one."
    CHOOSE = "Choose a photograph"
    CAMERA = "Use the camera"
    PART = "Choose a part"
    WHOLE = "Whole photograph"
    ANOTHER = "Another"
    ANOTHER_NAME = "Choose another photograph"
    REMOVE = "✕"
    REMOVE_NAME = "Remove this photograph"
    SHOWN = "The photograph to search with"
    KEYS = (
        "Arrow keys move the part, with Shift they change its size, with Alt in steps of one "
        "pixel. Delete takes the whole photograph."
    )
    SHOOT = "Take the photograph"
    CANCEL = "Cancel"
    CAMERA_NAME = "Camera"
    EXAMPLES = "Or begin with one of the collection"
    EXAMPLE = "Example: {name}"
    NAMELESS = "photograph {number}"
    SCRIPT: Mapping[str, str] = {
        "whole": "Whole photograph, {width} × {height} pixels. Draw a box to search for a part.",
        "wholeTouch": "Whole photograph, {width} × {height} pixels.",
        "part": "Part of {partWidth} × {partHeight} pixels, at {left}, {top}.",
        "uploading": "Uploading … {percent} %",
        "reading": "Reading the photograph …",
        "noPhotograph": "That is no photograph. Choose a JPEG, PNG, WebP, GIF or BMP file.",
        "tooLarge": "The file has {megabytes} MB; at most {limit} MB are taken. Choose a smaller "
        "one.",
        "failed": "The photograph did not reach the server. Check the connection and try again.",
        "tooMany": "Too many requests. Wait a little and try again.",
        "gone": "This photograph is no longer kept. Choose it again.",
        "noCamera": "The camera cannot be used: {reason}. Choose a file instead.",
    }

    @staticmethod
    def kept(megabytes: str, minutes: float) -> str:
        """What becomes of an upload."""
        return (
            f"JPEG, PNG, WebP, GIF or BMP, at most {megabytes} MB. It is deleted after {minutes:g} "
            "minutes, and where it was taken is not stored."
        )


class Controls:
    """What is searched, and how."""

    SEARCH = "Search"
    COLLECTION = "Collection"
    METHOD = "Method"
    METHOD_HELP = "An index of a model. Flat is exact; the others are smaller or faster."
    K = "Number of results"
    FILTERS = "Filters"
    LANDMARK = "Landmark contains"
    AUTHOR = "Author contains"
    LICENCE = "Licence contains"
    SINCE = "Taken from"
    UNTIL = "Taken until"
    DATE_EXAMPLE = "2015-08-03"
    WHERE = "More conditions, one a line"
    WHERE_HELP = (
        "A column (id, title, label, data, url …), one of = != ~ (contains) >= <=, and values with "
        "| between them."
    )
    WHERE_EXAMPLE = "license=CC0|CC BY 4.0"
    REORDERING = "Better order"
    EXPAND = "Query expansion"
    EXPAND_HELP = "Asks again with the mean of the photograph and its three best results."
    DIFFUSE = "Diffusion"
    DIFFUSE_HELP = "Follows neighbours of neighbours, twenty of each. Gains most, takes longest."
    RECIPROCAL = "k-reciprocal"
    RECIPROCAL_HELP = "Prefers results that have the same twenty neighbours."
    REFINE = "Refinement"
    REFINE_HELP = "Refines the best hundred results and the query by one another."
    KEEP_FIRST = "Keep the best in the first place"
    KEEP_FIRST_HELP = "Whatever the three above move."
    VERIFY = "Verify places by local features of"
    VERIFY_HELP = "Moves up, of the first hundred, those whose details lie as the query's do."
    NO_VERIFYING = "none"

    @staticmethod
    def method(model: str, kind: str, photographs: int) -> str:
        """A method in the list."""
        return f"{model} · {kind} ({photographs:,} photographs)"


class Answer:
    """What is said above the results."""

    CONFIDENT = "This is"
    SURE = "{percent} sure"
    NO_MATCH = "No confident match"
    AT_BEST = "At best {name}, {percent} sure. Mark the part that shows it, or try a closer view."
    UNKNOWN = "No landmark of the results is known."
    NAMELESS = "a landmark without a name"
    AGREED = "{name}, perhaps"
    AGREED_BY = "{count} of the first {voters} results show it."
    DISAGREE = "The first results do not agree on a landmark"
    NOT_CALIBRATED = "How sure that is, is not known: the collection is not calibrated."
    NOT_CALIBRATED_TITLE = "Why: {reason}."


class Results:
    """The results and what stands beside them."""

    NAME = "Results"
    EMPTY = "Results appear here"
    EMPTY_STEPS = (
        "Choose a photograph, or take one of the examples.",
        "If there is more in it, draw a box around the landmark.",
        "Press Search.",
    )
    LOADING = "Searching …"
    NONE = "No photograph satisfies the filters"
    NONE_HELP = "Take a filter away, or write less into it."
    NOTHING = "The collection is empty"
    NOTHING_HELP = "Add photographs to it under Collections."
    FAILED = "That did not work"
    UNREACHABLE = "The server is busy, or cannot be reached. Wait a few seconds and try again."
    COUNT = "{count} results in {time}"
    COUNT_OF_ONE = "1 result in {time}"
    STEPS = "What each step took"
    STEP: Mapping[str, str] = {
        "photograph": "photograph",
        "description": "description",
        "search": "search",
        "reordering": "reordering",
        "verification": "verification",
    }
    MILLISECONDS = "{milliseconds} ms"
    SECONDS = "{seconds:.1f} s"
    COPY = "Copy link"
    COPY_TITLE = "A link that restores this search"
    COPY_UPLOAD = "A link that restores this search, for the {minutes:g} minutes an upload is kept"
    CSV = "CSV"
    JSON = "JSON"
    OPEN = "Open result {rank}: {name}"
    PICTURE = "Result {rank}: {name}"
    SIMILARITY = "similarity {value}"
    PROBABILITY = "{percent} same landmark"
    MATCHES = "{count} places match"
    ITSELF = "the query itself"
    SOURCE = "source"
    UNKNOWN_AUTHOR = "author unknown"
    SCRIPT: Mapping[str, str] = {
        "copied": "Link copied",
        "notCopied": "Copy it from the address bar",
        "unreachable": UNREACHABLE,
        "failed": FAILED,
        "loading": LOADING,
        "missing": "not available",
    }


class Details:
    """A result, large."""

    NAME = "Result in detail"
    CLOSE = "Close"
    PREVIOUS = "Previous"
    NEXT = "Next"
    QUERY = "Your photograph"
    QUERY_PART = "Your photograph, and the part searched for"
    RESULT = "Result {rank}"
    SEARCH = "Search with this one"
    LANDMARK = "Landmark"
    PROBABILITY = "Same landmark"
    SIMILARITY = "Similarity"
    MATCHES = "Matching places"
    AUTHOR = "Author"
    LICENCE = "Licence"
    TITLE = "Title"
    DATE = "Taken"
    ID = "Id"
    SOURCE = "Source"
    UNKNOWN = "unknown"
    MATCHED = "Places that match"
    ALIKE = "What is alike"
    NEIGHBOURS = "Where it lies in the collection"
    SCRIPT: Mapping[str, str] = {
        "loading": "Looking for the reasons …",
        "failed": "The server is busy, or cannot be reached. Close this and open it again.",
    }


class Compare:
    """Two methods side by side."""

    FIRST = "First method"
    SECOND = "Second method"
    BUTTON = "Compare"
    EMPTY = (
        "Choose a photograph and two methods, and press Compare. The same photograph is searched "
        "with both, side by side: each finds as many results as the slider says, in its own order. "
        "The filters and the better order of the Search tab apply to both."
    )
    COMMON = "{common} of {count} photographs are among the results of both."
    FILTERED = "The filters of the Search tab apply."
    REORDERED = "The better order of the Search tab applies."
    ONLY = "only here"

    @staticmethod
    def method(collection: str, model: str, kind: str) -> str:
        """A method in the list."""
        return f"{collection} · {model} · {kind}"


class Link:
    """What is said where a link does not lead where it did."""

    NO_METHOD = "The link names an index that is not here any more: {name}."
    NO_PHOTOGRAPH = "The link names a photograph that is not here any more: {reason}"
    UPLOAD_GONE = (
        "The photograph of this link was an upload and has been deleted since. Choose it again."
    )
    UNREADABLE = "The link cannot be read: {reason}"


class Missing:
    """What a request lacks."""

    PHOTOGRAPH = "Choose a photograph first: upload one, paste one, or take an example."
    METHOD = "Choose a collection and a method first."
    RESULT = "That is no result. Search again."
    FILE = (
        "The photograph's file is not on the server any more, or was replaced. Choose another one."
    )


class Explained:
    """Why a result was found."""

    NO_FEATURE_MAP = (
        "This method has no feature map whose parts could be compared: it counts visual words or "
        "gradients. Choose a method with a neural network to see which parts are alike."
    )
    NO_PLACES = (
        "This method compares photographs as a whole; which parts are alike cannot be shown. "
        "Choose another method of the collection to see that."
    )
    NO_MATCHES = "No place of your photograph matches a place of this one."
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

    MAKE = "Make your own collection"
    FOLDER = "Or a folder of this machine"
    NO_FOLDER = "none: the photographs above"
    INTO = "They become"
    NEW = "a new collection"
    NAME = "Name"
    NAME_EXAMPLE = "holiday-2026"
    NAME_GIVEN = "my-photographs"
    MORE = "More choices"
    MODEL = "Model that looks at them"
    KIND = "Kind of index"
    SUITING = "exact, the usual choice"
    AUTO = "the best of all kinds, which are tried"
    BUTTON = "Make it searchable"
    ADD_BUTTON = "Add them"
    BEGUN = "It has begun. The page may be closed meanwhile."
    LOOK = "Look at a collection"
    NOTHING_YET = "There is no collection yet. Make one of your own photographs."
    NO_CHANGES = "Collections cannot be changed here. Who runs this page may allow it."
    NAMELESS = "photograph"
    NO_ROOM = "The server has no room for more photographs now. Make a collection of fewer."
    NO_BASKET = "What was sent is kept here no more. Choose the photographs again."
    DAMAGED = "The photograph is damaged. Choose another one, or save it anew."
    NOTHING = "Choose photographs first: send some, or name a folder of this machine."
    NOT_ALLOWED = (
        "This folder may not be used here. Choose one of the list, or send the photographs."
    )
    NOT_OWN = (
        "This collection was not made on this page, so that it cannot be changed on it. Make one "
        "of your own photographs."
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
    ANOTHER = (
        "Another server makes collections in the same folder. End it, or start this one with "
        "another --own=DIR."
    )
    NO_JOB = "That is not remembered here any more."
    CHOOSE = "Choose the photographs to remove first, at most {most} at a time."
    TOO_MANY_TO_COMPARE = (
        "Copies are looked for here among at most {most} photographs, and this collection has more."
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

    TITLES: Mapping[str, str] = {
        "make": "{name}: a new collection",
        "add": "{name}: adding photographs",
        "remove": "{name}: removing photographs",
        "index": "{name}: another index",
    }

    @staticmethod
    def too_large(most: int) -> str:
        """That a file is too large."""
        return f"The file has more than {most / 1e6:g} MB. Make the photograph smaller."

    @staticmethod
    def doing(
        said: str, step: int, steps: int, done: int | None, total: int | None, left: str
    ) -> str:
        """How far a job is."""
        told = [f"Step {step} of {steps}: {said}"]
        if done is not None and total is not None:
            told.append(f"{done:,} of {total:,}")
        if left:
            told.append(f"{left} left")
        return " · ".join(told)


class Basket:
    """Where photographs for a collection are sent."""

    NAME = "Photographs for a collection"
    INVITATION = "Drop photographs or a folder here."
    CHOOSE = "Choose photographs"
    FOLDER = "Choose a folder"
    STOP = "Stop sending"
    CLEAR = "Forget these"
    REFUSED = "Not taken"
    HINT = (
        "Names of sub-folders become names of landmarks. Photographs are stored on the server "
        "without the position at which they were taken."
    )
    SCRIPT: Mapping[str, str] = {
        "sending": "Sending {done} of {count} …",
        "arrived": "{count} photographs have arrived.",
        "one": "One photograph has arrived.",
        "more": "and {count} more",
        "all": "Nothing was sent",
        "noPhotograph": "That is no photograph.",
        "tooLarge": "It has more than {megabytes} MB.",
        "failed": "It did not reach the server. Check the connection and try again.",
    }


class Jobs:
    """What is being made."""

    NAME = "What is being made"
    SCRIPT: Mapping[str, str] = {
        "waiting": "waits for its turn",
        "running": "at work",
        "done": "done",
        "failed": "failed",
        "cancelled": "stopped",
        "cancel": "Stop",
        "go_on": "Go on",
        "search": "Search it",
    }


class Shown:
    """One collection: its numbers, its photographs, copies among them."""

    NAME = "The collection"
    PHOTOGRAPHS = "Photographs"
    LANDMARKS = "Landmarks"
    UNNAMED = "Of no known landmark"
    SIDES = "Typical size, pixels"
    DATES = "Taken"
    DAYS = "{first} to {last}"
    AUTHORS = "Authors"
    MODEL = "Model"
    INDEX = "Index"
    QUERY = "A search in it takes"
    CALIBRATED = "Says how sure it is"
    YES = "yes"
    NO = "no: too few landmarks are known"
    LANDMARK_LIST = "Landmarks"
    LANDMARK = "Landmark"
    LICENCE_LIST = "Licences"
    LICENCE = "Licence"
    NO_LICENCE = "not known"
    MORE = "and {count:,} more"
    ADVICE_TITLE = "Which kind of index suits"
    ADVICE = (
        "Every kind was built of these photographs and measured. Recall is the share of the truly "
        "nearest ten that it finds."
    )
    NO_ADVICE = (
        "Not measured yet. All kinds are tried, which takes a while, and the best one can then be "
        "chosen as a method of its own."
    )
    NO_ADVICE_HERE = "Not measured for this index."
    ADVISE = "Try all kinds"
    COPIES_TITLE = "Copies"
    COPIES_HELP = "Photographs that are nearly the same, such as smaller or brighter versions."
    COPIES = "Look for copies"
    NO_COPIES = "There are no copies."
    ALL = "All photographs"
    PAGE = "Page {page} of {pages}"
    BEFORE = "Back"
    NEXT = "Next"
    REMOVE = "Remove the chosen ones"
    WHOLE = "The whole collection"
    LOOK_AGAIN = "Look for new photographs in its folder"
    DELETE = "Delete this collection"
    SCRIPT: Mapping[str, str] = {
        "remove": "Remove {count} photographs from this collection?",
        "choose": "Choose photographs first, by the boxes below them.",
        "delete": "Delete this collection, and the photographs that were sent for it?",
    }

    @staticmethod
    def found(photographs: int, groups: int, *, can_remove: bool) -> str:
        """How many copies there are, and where they can be removed, which are chosen."""
        said = f"{photographs:,} photographs in {groups:,} {'group' if groups == 1 else 'groups'}."
        return f"{said} All but the first of each are chosen." if can_remove else said
