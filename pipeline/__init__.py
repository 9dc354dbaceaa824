"""The stages, one module a command, and the nouns they share."""

import os
import sys
import tempfile


def _import_tensorflow_quietly() -> None:
    """Imports TensorFlow without its start-up notices, which would bury what a stage says.

    TensorFlow 2.21 prints them to file descriptor 2 before any of its settings is read
    (https://github.com/tensorflow/tensorflow/issues/100442). Where the import fails they are
    shown after all.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if "tensorflow" in sys.modules:
        return
    descriptor = os.dup(2)
    with tempfile.TemporaryFile() as notices:
        os.dup2(notices.fileno(), 2)
        try:
            import tensorflow  # noqa: F401, PLC0415
        except BaseException:
            notices.seek(0)
            os.write(descriptor, notices.read())
            raise
        finally:
            os.dup2(descriptor, 2)
            os.close(descriptor)


def _let_faiss_wait_passively() -> None:
    """Has OpenMP's threads, which Faiss computes with, sleep where they wait for one another.

    By default they spin, and keep TensorFlow's threads, or anybody else's, from the cores: beside
    two busy threads on two cores Faiss trains 2.3 times and searches 1.7 times as fast asleep,
    and alone as fast. Takes effect if Faiss has not been imported yet.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")


_let_faiss_wait_passively()
_import_tensorflow_quietly()
