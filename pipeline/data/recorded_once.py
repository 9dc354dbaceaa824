"""Each photograph is recorded once: which ones are superfluous, and because of which."""


class RecordedOnce:
    """Remembers what was recorded, to tell whether the next photograph is to be.

    The same bytes are recorded once where the content is a photograph's id, and never in two
    splits. A data set with ids of its own may hold the same bytes under two of them.
    """

    def __init__(self) -> None:
        # Split, name and label of the first of every content.
        self._contents: dict[bytes, tuple[str, str, int]] = {}
        self._ids: set[str] = set()

    def superfluous(self, *, split: str, name: str, id: str, sha256: str, label: int) -> str:
        """Why a photograph is not to be recorded; "" if it is, and from then on is known.

        Args:
            split: Where it would be recorded.
            name: Names it in what is told of others.
            id: Its id.
            sha256: Of its bytes as they were found, hexadecimal.
            label: Its landmark, -1 if unknown.
        """
        content = bytes.fromhex(sha256)[:16]  # half of it: there may be millions
        known_id = id in self._ids
        first_split, first, first_label = self._contents.get(content, (split, "", label))
        if first and (known_id or first_split != split):
            differs = "" if label == first_label else ", which is of another landmark"
            return f"the same bytes as {first}{differs}"
        if known_id:
            return f"another photograph has its id, {id}"
        self._ids.add(id)
        self._contents.setdefault(content, (split, name, label))
        return ""
