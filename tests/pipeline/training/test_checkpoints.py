import resource
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pipeline.training.checkpoints import Checkpoints, claimed, room_in

CHECKOUT = Path(__file__).parents[3]


def test_newest_checkpoint_is_restored(tmp_path: Path) -> None:
    value = tf.Variable([1.0, 2.0])
    checkpoints = Checkpoints(tmp_path, value=value)
    assert not checkpoints.restore()
    for factor in (1.0, 2.0, 3.0):
        value.assign(factor * tf.constant([1.0, 2.0]))
        checkpoints.save()
    restored = tf.Variable([0.0, 0.0])
    assert Checkpoints(tmp_path, value=restored).restore()
    np.testing.assert_array_equal(restored, [3.0, 6.0])


def test_full_disk_is_said_and_the_checkpoint_before_stays(tmp_path: Path) -> None:
    """No file of this process may grow beyond 200 kB, as where a disk is full."""
    small, large = tf.Variable(tf.ones(10)), tf.Variable(tf.ones(100_000))
    Checkpoints(tmp_path, value=small).save()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
    try:
        refused = pytest.raises(OSError, match=r"could not be written to .*Make room there")
        with refused, room_in(tmp_path):
            Checkpoints(tmp_path, value=large).save()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert not list(tmp_path.glob("*_temp")), "what was half written is gone"
    small.assign(tf.zeros(10))
    assert Checkpoints(tmp_path, value=small).restore()
    np.testing.assert_array_equal(small, np.ones(10))


def test_second_run_in_a_folder_is_refused_until_the_first_has_ended(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from pipeline.training.checkpoints import claimed\n"
        "with claimed(Path(sys.argv[1])): print('claimed', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "claimed\n"
        refused = pytest.raises(ValueError, match=r"Another run is training in .*another --output")
        with refused, claimed(tmp_path):
            pass
        first.kill()
    with claimed(tmp_path):
        pass
