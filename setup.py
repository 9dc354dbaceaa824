"""Installs what the landmark retrieval system needs, and the checkout itself in place.

The packages are listed one by one so that every tool (mypy, ruff, an editor) finds what an
import names; the project is an application run from its checkout, not a library to publish.
"""

from pathlib import Path

from setuptools import setup

setup(
    name="landmark-retrieval",
    version="0.1.0",
    description="Train, index and search photographs of landmarks with TensorFlow and Faiss",
    long_description=Path("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    classifiers=["Private :: Do Not Upload", "Programming Language :: Python :: 3"],
    python_requires=">=3.11,<3.14",
    packages=[
        "demo",
        "demo.asking",
        "demo.explaining",
        "demo.making",
        "demo.page",
        "demo.protection",
        "demo.uploads",
        "models",
        "models.backbones",
        "models.delf",
        "models.local",
        "models.losses",
        "models.pooling",
        "models.words",
        "pipeline",
        "pipeline.classical",
        "pipeline.comparing",
        "pipeline.data",
        "pipeline.data.checks",
        "pipeline.data.downloads",
        "pipeline.data.sources",
        "pipeline.data.synthetic_city",
        "pipeline.data.synthetic_city.styles",
        "pipeline.embeddings",
        "pipeline.exporting",
        "pipeline.index",
        "pipeline.local_features",
        "pipeline.ranking",
        "pipeline.recognition",
        "pipeline.reports",
        "pipeline.scoring",
        "pipeline.training",
        "pipeline.words",
    ],
    install_requires=[
        "absl-py",
        "faiss-cpu",
        "fastapi",
        "filelock",
        "google-crc32c",
        "gradio",
        "importlib-resources",  # tensorflow-datasets 4.9.10 imports it without requiring it
        "keras",
        "matplotlib",
        "numpy",
        "opencv-python-headless",
        "pillow",
        "pillow-heif",
        "psutil",
        "pyarrow",
        "python-multipart",
        "requests",
        "scikit-image",
        "scipy",
        "setuptools<82",  # tensorflow_hub 0.16.1 imports pkg_resources, gone from 82 on
        "tensorboard",
        "tensorflow",
        "tensorflow-datasets",
        "tensorflow-hub",
        "tqdm",
        "typing-extensions",
        "uvicorn",
    ],
    extras_require={
        "cluster": ["ray"],
        "milvus": ["pymilvus", "milvus-lite"],
        "beam": ["apache-beam"],
        "kaggle": ["kagglehub"],
        "serving": ["tensorflow-serving-api"],
        "dev": [
            *("mypy", "playwright", "pre-commit", "pytest", "pytest-xdist", "ruff", "types-tqdm"),
            # Extras that tests use for real:
            *("milvus-lite", "pymilvus", "ray", "tensorflow-serving-api"),
        ],
    },
)
