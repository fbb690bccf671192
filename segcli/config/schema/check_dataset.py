"""`CheckDataset`: convert, split, check."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from segcli.config.schema.base import Section
from segcli.config.schema.meaning import DENSE, PROMPTABLE, SAM, Instead, Read, Stock

Percent = int
_PREPARED = (
    Read(("check_dataset",), DENSE),
    Read(("check_dataset",), PROMPTABLE, SAM),
    Instead("it learns from label maps: segcli convert or split DATASET --task semantic", PROMPTABLE),
)


class ConvertConfig(Section):
    """Conversion of a LabelMe folder before the check.

    Attributes:
        enable: Whether to convert.
        src_dataset_type: Format of the folder: LabelMe.
        line_width: Width in pixels in which `line` and `linestrip` shapes are painted.
        point_size: Radius in pixels in which `point` shapes are painted.
        skip_faulty: Whether single faulty shapes and files are left out and listed as warnings; otherwise one of them
            stops the conversion.
    """

    enable: Annotated[bool, Stock(False)] = False
    src_dataset_type: Annotated[Literal["LabelMe"] | None, Stock()] = None
    line_width: int = Field(default=5, ge=1)
    point_size: int = Field(default=5, ge=1)
    skip_faulty: bool = False


class SplitConfig(Section):
    """A new split into train, val and, on request, test. `CheckDataset.groups` keeps images together.

    Attributes:
        enable: Whether to split.
        train_percent: Percentage of the training split; train, val and test add up to 100.
        val_percent: Percentage of the validation split.
        test_percent: Percentage of a test split, used for neither training nor validation; 0 writes none.
        seed: Seed of the shuffle.
        stratified: Whether each split gets its share of every class, counted in pixels or objects.
        folds: Number of folds, written into `folds/`, each with its own train and val; null makes one split.
        replace: Whether lists that segcli did not write are replaced; copies are kept as `.bak`. The command
            `segcli split` asks for confirmation first.
    """

    enable: Annotated[bool, Stock(False)] = False
    train_percent: Annotated[Percent | None, Stock()] = Field(default=None, ge=0, le=100)
    val_percent: Annotated[Percent | None, Stock()] = Field(default=None, ge=0, le=100)
    test_percent: Percent = Field(default=0, ge=0, le=100)
    seed: int = Field(default=0, ge=0)
    stratified: bool = False
    folds: int | None = Field(default=None, ge=2)
    replace: bool = True


class GroupsConfig(Section):
    """Images that belong together, such as frames of one video; a group in both train and val is an error. Set one key.

    Attributes:
        by_folder: Images of one folder belong together.
        pattern: Regular expression on the image's name; its first capture group is the group's name, such as
            ``(patient[0-9]+)_``.
        table: CSV file of two columns, the image's name and its group.
    """

    by_folder: bool = False
    pattern: str | None = None
    table: str | None = None


class CheckDatasetConfig(Section):
    """check_dataset.

    Attributes:
        convert: Conversion before the check.
        split: Split before the check.
        groups: Images that belong together, must not be in two splits, and are resampled together for intervals;
            cross-validation keeps them in one fold.
        rules: Severity by rule id or id prefix: ``{S501: error, C145: off, S2: warning}``.
        select: Rules that are reported, by id or id prefix; null means all.
        ignore: Rules that are not reported, likewise.
        strict: Whether a warning makes the dataset invalid too, as in continuous integration.
        sarif: File for the findings in SARIF format, which code hosts show next to the files; null writes none.
        with_model: Folder of an exported model; images are ranked by how much its predictions disagree with their
            labels, and the worst are shown.
        quick: Whether only some images of each split are decoded and only the headers of the others are read; the
            result says what was not checked.
        reuse: Whether results for images and masks that have not changed since the last check into the same output
            folder are read from its manifest instead of decoding the files again.
        num_workers: Processes or threads that decode; None is one per core.
        demo_images: Number of samples of each split that are drawn.
    """

    reads: ClassVar = (Read(("check_dataset",)),)

    convert: Annotated[ConvertConfig, _PREPARED] = ConvertConfig.with_defaults()
    split: Annotated[SplitConfig, _PREPARED] = SplitConfig.with_defaults()
    groups: Annotated[GroupsConfig, Read(("check_dataset", "evaluate")), Read(("train",), DENSE)] = (
        GroupsConfig.with_defaults()
    )
    rules: dict[str, Any] | None = None
    select: tuple[str, ...] | None = None
    ignore: tuple[str, ...] | None = None
    strict: bool = False
    sarif: str | None = None
    with_model: Annotated[str | None, Read(("check_dataset",), DENSE)] = None
    quick: bool = False
    reuse: bool = True
    num_workers: int | None = Field(default=None, ge=1)
    demo_images: int = Field(default=10, ge=0)
