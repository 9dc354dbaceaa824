"""The tiny collection that the stages' tests share."""

import pytest

from pipeline.build_index import Settings as IndexSettings
from pipeline.build_index import build_index
from pipeline.build_records import Settings as RecordSettings
from pipeline.build_records import build_records
from pipeline.embed import Settings as EmbedSettings
from pipeline.embed import embed
from pipeline.export import Settings as ExportSettings
from pipeline.export import export
from pipeline.train import train
from tests.tiny import Tiny, tiny_training, write_photographs


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Tiny:
    """Six landmarks of four photographs, one held out, through every stage, two shards a split."""
    root = tmp_path_factory.mktemp("tiny")
    write_photographs(root / "photos", landmarks=6, photographs=4)
    records = build_records(
        RecordSettings(
            photos=str(root / "photos"), output=str(root / "tfrecords" / "squares"), shards=2
        )
    )
    model = root / "exported" / "model"
    train(tiny_training(model, records))
    export(ExportSettings(model=str(model)))
    embeddings = embed(EmbedSettings(model=str(model), records=str(records), batch_size=4))
    index = build_index(IndexSettings(model=str(model), data=("squares",)))
    return Tiny(
        photos=root / "photos", records=records, model=model, embeddings=embeddings, index=index
    )
