"""Several arrays in one file that memory can map: Arrow's, a column of one row an array."""

from pathlib import Path

import numpy as np
import pyarrow as pa


def save(path: Path, arrays: dict[str, np.ndarray]) -> None:
    """Writes arrays, flattened."""
    columns = {name: _column(np.ascontiguousarray(one).ravel()) for name, one in arrays.items()}
    table = pa.table(columns)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def load(path: Path) -> dict[str, np.ndarray]:
    """Maps them, each of one dimension; they cannot be written to.

    Raises:
        FileNotFoundError: If the file is gone.
        ValueError: If it is damaged.
    """
    try:
        table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    except FileNotFoundError:
        raise
    except (pa.ArrowInvalid, OSError) as error:
        raise ValueError(
            f"{path} is damaged; build it again with `python -m pipeline.build_index --overwrite`."
        ) from error
    return {
        name: table[name].chunk(0).flatten().to_numpy(zero_copy_only=True)
        for name in table.column_names
    }


def _column(array: np.ndarray) -> pa.Array:
    offsets = pa.array([0, len(array)], pa.int64())
    return pa.LargeListArray.from_arrays(offsets, pa.array(array))
