"""Runs a mode for every entry point, leaves its result file and turns errors into exit codes."""

from __future__ import annotations

import logging
import os
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from os import PathLike
from pathlib import Path
from tempfile import mkstemp
from typing import TYPE_CHECKING, Any

from segcli import json_output, signals, terminal
from segcli.errors import EXIT_DATASET_INVALID, EXIT_DONE, EXIT_FAILED, BusyError, ConfigError
from segcli.failure_report import Failure, failure_of
from segcli.garbage import end_start_up

if TYPE_CHECKING:
    from segcli.config.load import LoadedConfig
    from segcli.config.schema import Config
    from segcli.results import ModeResult, PreparationReport

MODES: dict[str, str] = {
    "check_dataset": "segcli.steps.check.command:check_dataset",
    "train": "segcli.steps.train.command:train",
    "evaluate": "segcli.steps.evaluate.command:evaluate",
    "export": "segcli.steps.export.command:export",
    "predict": "segcli.steps.predict.command:predict",
}
"""Where the function of each mode is; every one is called with a `Config` and returns a `ModeResult`."""

_GO_ON = ("evaluate", "export")
"""Modes that usually take the weights from the folder of their results."""
_READ_AFTER_IMPORTS = ("train", "evaluate")
"""Modes that import libraries before they look at the dataset."""

ERROR_LOG = "segcli_error.log"
Options = Mapping[str, tuple[str, Any]]

log = logging.getLogger("segcli")


def start(
    path: str | PathLike[str] | None,
    overrides: Sequence[str] = (),
    options: Options | None = None,
    *,
    print_config: bool = False,
    debug: bool = False,
) -> int:
    """Reads a configuration and runs its mode; what main.py and the commands have in common.

    Args:
        path: YAML file; None builds the configuration from `options` and `overrides` alone.
        overrides: Texts ``key=value`` as after ``-o``.
        options: Values of a command's options, see `segcli.config.load.load_config`.
        print_config: Shows the resolved configuration instead of running it.
        debug: Shows tracebacks and detailed messages.

    Returns:
        The exit code.
    """
    try:
        with signals.listening():
            loaded = load(path, overrides, options)
    except ConfigError as error:
        return _refuse(error, debug=debug)
    except (KeyboardInterrupt, OSError) as error:
        failure = failure_of(error)
        terminal.show_failure(failure.message, failure.hint)
        return failure.exit_code
    for remark in loaded.remarks:
        terminal.show_warning(remark)
    if print_config:
        from segcli.config.show import show

        terminal.show_text(show(loaded))
        return EXIT_DONE
    return run_mode(loaded, debug=debug)


def load(
    path: str | PathLike[str] | None, overrides: Sequence[str] = (), options: Options | None = None
) -> LoadedConfig:
    """Reads a configuration for the commands, main.py and the functions of `segcli`.

    Raises:
        ConfigError: Holds every fault.
    """
    from segcli.config.load import load_config

    loaded = load_config(path, overrides, options)
    if loaded.config.Global.mode != "train":
        return loaded
    from segcli.config.plan_mode import for_command

    return replace(loaded, config=for_command(loaded.config))


def perform(config: Config) -> tuple[ModeResult, Path]:
    """Runs the mode of a configuration and writes ``<output>/<mode>_result.json``; nothing is shown.

    Returns:
        The result object, and the path of the file.

    Raises:
        SegcliError: The mode failed; see `segcli.errors`.
    """
    from segcli.data.budget import limited_pixels
    from segcli.data.decoding.used_range import range_of_one_run
    from segcli.lazy import load_object
    from segcli.results import is_done, write_result

    mode = config.Global.mode
    if mode in _READ_AFTER_IMPORTS and config.Global.dataset_dir is not None:
        from segcli.data.dataset_folder import require_folder

        require_folder(config.Global.dataset)
    function = load_object(MODES[mode])
    end_start_up()
    with limited_pixels(config.limits.max_pixels), range_of_one_run():
        result: ModeResult = function(config)
    return result, write_result(Path(config.Global.output), mode, result.as_dict(), done=is_done(result))


def run_mode(loaded: LoadedConfig, *, debug: bool = False) -> int:
    """Runs the mode of a configuration, shows its outcome and writes ``<output>/<mode>_result.json``.

    Returns:
        The exit code: 0 done, 1 failed, 2 usage or configuration, 3 dataset invalid, 130 stopped by Ctrl-C,
        143 by SIGTERM, 129 by SIGHUP.
    """
    config = loaded.config
    mode, output = config.Global.mode, Path(config.Global.output)

    written: list[Path] = []

    def work() -> int:
        from segcli.results import framed, is_done

        result, path = perform(config)
        valid = is_done(result)
        written.append(path)
        json_output.tell_result(framed(mode, result.as_dict(), done=valid))
        complete = bool(getattr(result, "complete", True))
        _show_result(mode, result, path, good=valid and complete)
        (output / ERROR_LOG).unlink(missing_ok=True)  # that of an earlier run would mislead
        if not valid:
            return EXIT_DATASET_INVALID
        return EXIT_DONE if complete else EXIT_FAILED

    def leave_result(failure: Failure) -> None:
        if not written:  # what was done stays done, whatever showing it came to
            leave_failure(output, mode, failure)

    return guard(work, output=output, on_failure=leave_result, debug=debug)


def guard(
    work: Callable[[], int],
    *,
    output: Path | None = None,
    on_failure: Callable[[Failure], None] | None = None,
    debug: bool = False,
) -> int:
    """Does `work` with logging and progress shown; whatever it raises becomes a message and an exit code.

    A signal that asks for the end is raised in `work`; once it is being told, further ones change nothing.

    Args:
        work: Returns its exit code.
        output: Folder for the traceback of an unexpected error; None is the system's temporary folder.
        on_failure: Called with the failure before it is shown.
        debug: Shows the traceback.
    """
    from segcli import progress
    from segcli.log import configure_logging

    configure_logging(debug=debug)
    if any(name.startswith("SEGCLI_") for name in os.environ):
        from segcli.settings import warn_of_unknown_values

        warn_of_unknown_values(os.environ)
    with signals.listening():
        try:
            with progress.reporting(progress.rich_reporter):
                return work()
        except (Exception, KeyboardInterrupt, SystemExit) as error:
            failure = failure_of(error)
            with suppress(signals.Stopped), signals.postponed("stopping"):
                _report(error, failure, output, on_failure, debug=debug)
            return failure.exit_code


def _report(
    error: BaseException,
    failure: Failure,
    output: Path | None,
    on_failure: Callable[[Failure], None] | None,
    *,
    debug: bool,
) -> None:
    trace = "".join(traceback.format_exception(error))
    json_output.tell_result({"done_flag": False, **failure.as_dict()})
    if on_failure is not None:
        try:
            on_failure(failure)
        except OSError as unwritten:
            log.warning("the result file cannot be written: %s", unwritten)
    hint = failure.hint
    if debug:
        terminal.show_failure(trace.rstrip())
    elif failure.traced:
        kept = _keep_trace(trace, output)
        again = f"run again with --debug for the traceback{f', or read {kept}' if kept else ''}"
        hint = f"{hint}; {again}" if hint else again
    if isinstance(error, ConfigError):
        terminal.show_faults(error.faults)
    else:
        terminal.show_failure(failure.message, hint)
        terminal.show_findings(getattr(error, "untold", ()))


def _keep_trace(trace: str, output: Path | None) -> Path | None:
    """Writes a traceback where it can be found; None when nothing can be written there.

    Nothing is written through a link that lies in its place; in the temporary folder, which all users share, the file
    has a name that none of them could foresee.
    """
    from segcli.data.files import write_text_atomic

    try:
        if output is None:
            handle, name = mkstemp(prefix=f"{Path(ERROR_LOG).stem}-", suffix=".log")
            with os.fdopen(handle, "w", encoding="utf-8", errors="backslashreplace") as file:
                file.write(trace)
            return Path(name)
        path = output / ERROR_LOG
        write_text_atomic(path, trace)
    except OSError:
        return None
    return path


def _refuse(error: ConfigError, *, debug: bool) -> int:
    """Shows the faults of a configuration and leaves the result file where mode and output are known."""
    json_output.tell_result({"done_flag": False, **failure_of(error).as_dict()})
    if error.mode is not None and error.output is not None:
        try:
            leave_failure(Path(error.output), error.mode, failure_of(error))
        except OSError as unwritten:
            terminal.show_failure(f"the result file cannot be written: {unwritten}")
    if debug:
        terminal.show_failure("".join(traceback.format_exception(error)).rstrip())
    terminal.show_faults(error.faults)
    return error.exit_code


def leave_failure(output: Path, mode: str, failure: Failure) -> None:
    """Writes the result file of a run that failed; that of an earlier, successful one outlives a failed start."""
    from segcli.results import framed, outlives, write_result

    values = _failed_values(mode, failure)
    json_output.tell_result(framed(mode, values, done=False))
    if failure.kind == BusyError.__name__:  # the folder is another process's
        return
    if mode in _GO_ON and failure.at_start and not output.is_dir():  # a mistyped name must not become a folder
        return
    if mode != "check_dataset" and outlives(output, mode, at_start=failure.at_start):
        log.warning("nothing was started: the result of the earlier run stays in %s", output)
    else:
        write_result(output, mode, values, done=False)


def _failed_values(mode: str, failure: Failure) -> dict[str, Any]:
    verdict = {"check_pass": False} if mode == "check_dataset" else {}
    return {**verdict, **failure.as_dict()}


def _show_result(mode: str, result: ModeResult, path: Path, *, good: bool) -> None:
    preparation: Mapping[str, PreparationReport] = getattr(result, "preparation", {})
    for step, done in preparation.items():
        terminal.show_findings(done.findings, more=str(path))
        terminal.show_summary(step, done.summary())
    summary = getattr(result, "summary", None)
    rows = summary() if summary is not None else []
    report = getattr(result, "report", None)
    shown = path.parent / report if isinstance(report, str) else None
    if shown is not None:
        rows = [*rows, ("report", str(shown))]
    terminal.show_findings(getattr(result, "findings", ()), more=str(shown or path))
    terminal.show_summary(mode, rows, good=good, result=path)
