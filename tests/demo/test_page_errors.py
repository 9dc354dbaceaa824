import asyncio
from typing import Any

import gradio as gr
import pytest

from demo import page_errors
from demo.refusals import Refused


def answered(page: gr.Blocks, error: Exception) -> Any:
    async def process(*_: Any, **__: Any) -> Any:
        raise error

    page.process_api = process
    page_errors.guard(page)
    return asyncio.run(page.process_api())


def test_of_gradios_own_errors_nothing_is_told_and_refusals_are() -> None:
    page = gr.Blocks()
    with pytest.raises(gr.Error) as told:
        answered(page, gr.Error("Value: x is not in the list of choices: ['/home/ada']"))
    assert "choices" not in str(told.value)
    assert "ada" not in str(told.value)
    refused = gr.Error("Choose a photograph.", print_exception=False)
    refused.__cause__ = Refused("Choose a photograph.")
    with pytest.raises(gr.Error, match="Choose a photograph"):
        answered(page, refused)
