"""`segcli pipeline`: PaddleX's pipelines on the command line, with its flags and ours."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segcli import terminal
from segcli.cli.completion import complete_pipeline
from segcli.cli.help import Command
from segcli.cli.options import Debug
from segcli.cli.pipeline_options import PipelineOptions
from segcli.cli.prompts import PromptOptions, prompts_from
from segcli.cli.running import run
from segcli.errors import EXIT_DONE, EXIT_FAILED, InputError, UsageError
from segcli.json_output import is_wanted

if TYPE_CHECKING:
    from segcli.steps.pipelines.pipeline import Pipeline


def add_pipelines(main: typer.Typer) -> None:
    """Adds the command to the main one."""
    main.command(cls=Command)(pipeline)


def pipeline(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME|FILE|MODEL_DIR",
            help="A pipeline, its YAML, or the folder of an exported model.",
            autocompletion=complete_pipeline,
        ),
    ] = None,
    *,
    by_flag: PipelineOptions.ByFlag = None,
    inputs: PipelineOptions.Inputs = None,
    save_path: PipelineOptions.SavePath = None,
    device: PipelineOptions.Device = None,
    model_dir: PipelineOptions.ModelDir = None,
    target_size: PipelineOptions.TargetSize = None,
    threshold: PipelineOptions.Threshold = None,
    prompt_type: PipelineOptions.PromptType = None,
    prompt: PipelineOptions.Prompt = None,
    box: PromptOptions.Box = None,
    point: PromptOptions.Point = None,
    text: PromptOptions.Text = None,
    background: PromptOptions.Background = None,
    prompts: PromptOptions.File = None,
    engine: PipelineOptions.Engine = None,
    use_hpip: PipelineOptions.UseHpip = None,
    hpi_config: PipelineOptions.HpiConfig = None,
    runtime: PipelineOptions.Runtime = None,
    get_config: PipelineOptions.GetConfig = None,
    debug: Debug = False,
) -> None:
    """Run a pipeline on images: PaddleX's names, files and flags; ModelScope's text_driven_segmentation too."""

    def work() -> int:
        if get_config is not None:
            return _write_config(get_config, save_path)
        from segcli.steps.pipelines.create import create_pipeline

        made = create_pipeline(
            name or by_flag,
            device=device,
            engine=engine,
            use_hpip=use_hpip,
            hpi_config=None if hpi_config is None else _table(hpi_config),
            runtime=runtime,
            model_dir=model_dir,
        )
        arguments: dict[str, Any] = {
            "target_size": None if target_size is None else _size(target_size),
            "threshold": threshold,
            "background": background,
        }
        if made.name == "text_driven_segmentation":
            arguments["text"] = text
            _refuse_prompts(box, point, prompts, prompt, prompt_type)
        elif made.name == "open_vocabulary_segmentation":
            arguments["prompt"] = None if prompt is None else _rows(prompt)
            arguments |= {"prompt_type": prompt_type, "prompts": prompts_from(box, point, text, prompts)}
        return _predict(made, inputs, save_path or Path("output"), arguments)

    run(work, debug=debug)


def _predict(made: Pipeline, inputs: list[str] | None, folder: Path, arguments: dict[str, Any]) -> int:
    if not inputs:
        raise UsageError("nothing to predict", hint="--input IMAGE, a folder, a glob or a URL")
    left_out: list[InputError] = []
    given = {key: value for key, value in arguments.items() if value is not None}
    count = 0
    for result in made.predict(inputs[0] if len(inputs) == 1 else inputs, left_out=left_out, **given):
        if not is_wanted():
            result.print()
        result.save_all(folder)
        count += 1
    rows = [
        ("images", str(count)),
        ("results", str(folder)),
        *(("failed", f"{fault.path}: {fault.message}") for fault in left_out),
    ]
    terminal.show_summary(made.name, rows, good=not left_out)
    return EXIT_FAILED if left_out else EXIT_DONE


def _write_config(name: str, save_path: Path | None) -> int:
    from segcli.data.files import write_text_atomic
    from segcli.steps.pipelines.create import get_pipeline_config

    text = get_pipeline_config(name)
    target = save_path or Path()
    path = target if target.suffix in (".yaml", ".yml") else target / f"{name}.yaml"
    if path.exists():
        raise UsageError("exists already", path=path, hint="give another --save_path, or remove it")
    write_text_atomic(path, text)
    terminal.show_summary("pipeline", [("written", str(path)), ("next", f"segcli pipeline {path} --input IMAGE")])
    return EXIT_DONE


def _refuse_prompts(*given: Any) -> None:
    if any(given):
        raise UsageError("text_driven_segmentation takes texts, not boxes or points", hint="--text bear")


def _size(text: str) -> int | tuple[int, int]:
    parts = text.strip("()[] ").split(",")
    try:
        sides = [int(part) for part in parts]
    except ValueError:
        sides = []
    if len(sides) not in (1, 2):
        raise UsageError(f"--target_size is {text!r}", hint="a side in pixels, WIDTH,HEIGHT, or -1")
    return sides[0] if len(sides) == 1 else (sides[0], sides[1])


def _rows(text: str) -> list[Any]:
    value = _parsed(text, "--prompt", '"[[10,20,60,70]]"')
    if not isinstance(value, list):
        raise UsageError(f"--prompt is {text!r}", hint='a list: "[[10,20,60,70]]"')
    return value if value and isinstance(value[0], list) else [value]


def _table(text: str) -> dict[str, Any]:
    value = _parsed(text, "--hpi_config", '{"backend": "onnxruntime"}')
    if not isinstance(value, dict):
        raise UsageError(f"--hpi_config is {text!r}", hint='a table: {"backend": "onnxruntime"}')
    return value


def _parsed(text: str, option: str, example: str) -> Any:
    """A value of PaddleX's command line, read as YAML, which JSON and Python's lists are."""
    from segcli.config.yaml_text import parse_value

    try:
        return parse_value(text)
    except ValueError as fault:
        raise UsageError(f"{option} is {text!r}, which cannot be read", hint=f"like {example}") from fault
