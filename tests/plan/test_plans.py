"""Plans are pure: from numbers to choices with reasons."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from segcli.data.fingerprint.labels import Fingerprint
from segcli.models.table import get_spec
from segcli.models.task import Task
from segcli.plan import instance, semantic
from segcli.plan.augment import augment_choices
from segcli.plan.balance import focus_choices, loss_choices, sampling_choices
from segcli.plan.batch import choose_batch, sizes_to_try
from segcli.plan.budget import Budget, Validation
from segcli.plan.choice import Cost, Means, Plan
from segcli.plan.model import choose_model
from segcli.plan.recipe import plan_by_recipe
from segcli.plan.stopping import stop_choices

DATA = Fingerprint(
    train_images=60,
    val_images=12,
    empty_images=0,
    width_px=640,
    height_px=480,
    class_names=("ground", "leaf"),
    class_shares=(0.8, 0.2),
    object_px=(40.0, 80.0, 120.0),
    objects_per_image=4.0,
    most_objects=9,
    upright=0.0,
)
CPU = Means("cpu", 600.0)
COST = Cost(5.0, 700.0, measured=True)


def semantic_values(data: Fingerprint = DATA, means: Means = CPU, **taken: Any) -> dict[str, Any]:
    return semantic.plan_semantic(data, means, COST, {f"Train.{key}": value for key, value in taken.items()}).values()


def instance_values(data: Fingerprint = DATA, means: Means = CPU, **taken: Any) -> dict[str, Any]:
    return instance.plan_instance(data, means, COST, {f"Train.{key}": value for key, value in taken.items()}).values()


def names(transforms: list[dict[str, Any]]) -> set[str]:
    return {one["type"] for one in transforms}


def test_every_choice_has_its_reason() -> None:
    for planner in (semantic.plan_semantic, instance.plan_instance):
        plan = planner(DATA, CPU, COST, {})
        assert plan == planner(DATA, CPU, COST, {})
        assert all(len(choice.reason) > 10 for choice in plan.choices)
        assert plan.reasons().keys() == plan.values().keys()


@pytest.mark.parametrize("planner", [semantic.plan_semantic, instance.plan_instance])
@pytest.mark.parametrize("seconds", [120.0, 600.0, 7200.0])
def test_the_estimate_keeps_to_the_time(planner: Any, seconds: float) -> None:
    plan = planner(DATA, Means("cpu", seconds), COST, {})

    assert plan.seconds is not None
    assert 0.5 * seconds < plan.seconds <= seconds


def test_epochs_are_shortened_where_few_of_them_fit() -> None:
    many = replace(DATA, train_images=100_000)
    plans = [
        instance.plan_instance(many, CPU, COST, {}),
        plan_by_recipe(many, CPU, COST, task=Task.INSTANCE, step_mpx=0.1, taken={}),
    ]

    for plan in plans:
        values = plan.values()
        assert values["Train.epochs_iters"] == 6
        assert 6 < values["Train.images_per_epoch"] < 10_000
        assert plan.seconds is not None and 500 < plan.seconds <= 600


def test_epochs_stay_whole_where_they_fit_or_the_user_says_so() -> None:
    many = replace(DATA, train_images=100_000)

    assert "Train.images_per_epoch" not in instance_values()
    assert "Train.images_per_epoch" not in instance_values(many, epochs_iters=2)
    assert instance_values(many, images_per_epoch=None)["Train.epochs_iters"] == 1
    assert instance_values(images_per_epoch=20)["Train.epochs_iters"] > instance_values()["Train.epochs_iters"]


def test_objects_too_small_to_be_found_are_told_with_what_helps() -> None:
    tiny = replace(DATA, width_px=4000, height_px=4000, object_px=(8.0, 10.0, 12.0))
    reason = instance.plan_instance(tiny, CPU, COST, {}).reasons()["Train.input_size"]

    assert "Train.input_size=6016 shows them at 12 px" in reason
    assert "hardly be found" not in instance.plan_instance(DATA, CPU, COST, {}).reasons()["Train.input_size"]


def test_the_input_keeps_the_ratio_of_the_images_in_whole_strides() -> None:
    _, _, height, width = semantic_values()["Train.input_shape"]

    assert height % 16 == width % 16 == 0
    assert width / height == pytest.approx(640 / 480, rel=0.1)


def test_more_time_buys_detail_and_length() -> None:
    short, long = (semantic_values(means=Means("cpu", seconds)) for seconds in (300.0, 3600.0))

    assert long["Train.input_shape"][2] > short["Train.input_shape"][2]
    assert long["Train.epochs_iters"] > short["Train.epochs_iters"]


def test_small_images_are_not_enlarged() -> None:
    values = semantic_values(replace(DATA, width_px=96, height_px=96))

    assert values["Train.input_shape"] == [1, 3, 96, 96]


def test_small_objects_ask_for_detail() -> None:
    large, small = (
        instance_values(replace(DATA, object_px=(side, 80.0, 120.0)))["Train.input_size"] for side in (80.0, 20.0)
    )

    assert large % 32 == small % 32 == 0
    assert small > large


def test_small_objects_are_learnt_from_parts_of_the_images() -> None:
    large, small = (
        instance_values(replace(DATA, object_px=sizes)) for sizes in ((80.0, 120.0, 300.0), (9.0, 12.0, 17.0))
    )

    assert large["Train.transforms"][0]["crop"] == large["Train.input_size"]
    assert small["Train.transforms"][0]["crop"] < small["Train.input_size"]
    assert small["Train.epochs_iters"] > large["Train.epochs_iters"]


def test_data_with_an_above_and_a_below_stay_upright() -> None:
    street = replace(DATA, upright=0.5)

    assert "RandomVerticalFlip" in names(semantic_values()["Train.transforms"])
    assert "RandomVerticalFlip" not in names(semantic_values(street)["Train.transforms"])
    assert instance_values(street)["Train.transforms"][0]["flip"] == 0.0
    assert "turn" not in instance_values(street)["Train.transforms"][0]
    assert "flip" not in instance_values()["Train.transforms"][0]
    assert instance_values()["Train.transforms"][0]["turn"] > 0


def test_what_a_person_has_set_is_left_out_and_followed() -> None:
    values = semantic_values(input_shape=[1, 3, 320, 320], batch_size=2)
    usual = semantic_values()

    assert not {"Train.input_shape", "Train.batch_size"} & values.keys()
    assert values["Train.transforms"][0]["target_size"] == [320, 320]
    assert values["Train.epochs_iters"] != usual["Train.epochs_iters"]
    assert instance_values(input_size=320)["Train.transforms"][0]["size"] == 320


@pytest.mark.parametrize(
    ("means", "images", "model"),
    [
        (CPU, 60, "UNet-S"),
        (CPU, 50_000, "UNet-S"),
        (Means("gpu", 3600.0), 60, "UNet-S"),
        (Means("gpu", 3600.0), 5000, "PP-LiteSeg-T"),
        (Means("gpu", 3600.0, pretrained=True), 60, "PP-LiteSeg-T"),
    ],
)
def test_the_model_follows_from_data_and_means(means: Means, images: int, model: str) -> None:
    choice = choose_model(Task.SEMANTIC, replace(DATA, train_images=images), means)

    assert choice.value == model
    assert choose_model(Task.INSTANCE, DATA, CPU).value == "SeedUNet-S"
    assert get_spec(choice.value).task is Task.SEMANTIC


def test_a_recipe_keeps_all_but_its_length() -> None:
    iterations = plan_by_recipe(
        DATA, CPU, COST, task=Task.SEMANTIC, step_mpx=0.5, taken={"Train.batch_size": 2}
    ).values()
    epochs = plan_by_recipe(DATA, CPU, COST, task=Task.INSTANCE, step_mpx=0.5, taken={"Train.batch_size": 2}).values()

    assert iterations.keys() == epochs.keys() == {"Train.epochs_iters", "Train.eval_interval"}
    assert iterations["Train.epochs_iters"] // 30 == epochs["Train.epochs_iters"]


def test_the_batch_grows_where_that_saves_time() -> None:
    assert choose_batch({}, 60)[0] == 4
    assert choose_batch({}, 3)[0] == 3
    assert choose_batch({4: 5.0, 8: 4.9}, 60)[0] == 4
    assert choose_batch({4: 0.5, 8: 0.3, 16: 0.2, 32: 0.19}, 60) == (
        16,
        "measured seconds per million pixels by batch size are 4: 0.5, 8: 0.3, 16: 0.2, 32: 0.2: larger ones use the "
        "device better",
    )
    assert sizes_to_try("cpu", 60) == (4, 8)
    assert sizes_to_try("gpu", 20) == (4, 8, 16)
    assert sizes_to_try("cpu", 2) == (2,)
    cost = replace(COST, by_batch={4: 5.0, 8: 2.0})
    assert semantic.plan_semantic(DATA, CPU, cost, {}).values()["Train.batch_size"] == 8


def test_rare_classes_are_drawn_cropped_and_counted_more() -> None:
    rare = replace(
        DATA,
        class_names=("ground", "leaf", "beetle"),
        class_shares=(0.8, 0.199, 0.001),
        image_shares=(1.0, 0.9, 0.05),
    )
    plain = {"types": [{"type": "CrossEntropyLoss"}] * 3, "coef": [1, 1, 1]}
    (drawn,), (loss,), (crops,) = (sampling_choices(rare), loss_choices(rare, plain), focus_choices(rare, (256, 256)))
    assert (drawn.value, loss.value, crops.value) == ("rare", "ce + dice", 0.33)
    assert "beetle is in about 3 of 60 images" in drawn.reason
    assert "beetle has 0.1% of the labelled pixels" in loss.reason
    assert not focus_choices(rare, (640, 480)) and not focus_choices(rare, None)
    assert not loss_choices(rare, {"types": [{"type": "MixedLoss"}], "coef": [1]})
    even = replace(rare, class_shares=(0.5, 0.3, 0.2), image_shares=(1.0, 0.8, 0.7))
    assert not sampling_choices(even) and not loss_choices(even, plain) and not focus_choices(even, (256, 256))
    assert not sampling_choices(replace(rare, image_shares=(1.0, 0.9, 1 / 60))), "one image says nothing else"


def test_images_of_rare_classes_come_more_often_in_epochs_of_the_same_length() -> None:
    rare = replace(DATA, train_images=200, class_names=("a", "b", "c"), image_shares=(0.9, 0.8, 0.05))
    long = Means("cpu", 4000.0)
    for plan in (
        instance.plan_instance(rare, long, COST, {}),
        plan_by_recipe(rare, long, COST, task=Task.INSTANCE, step_mpx=0.1, taken={}),
    ):
        values = plan.values()
        assert values["Train.sampling"] == "rare" and values["Train.images_per_epoch"] == 200
    given = instance.plan_instance(
        rare, long, COST, {"Train.sampling": "uniform", "Train.images_per_epoch": 50}
    ).values()
    assert "Train.sampling" not in given and "Train.images_per_epoch" not in given


def test_an_early_stop_needs_measurements() -> None:
    few, many = stop_choices(20, 6), stop_choices(120, 10)
    assert [choice.value for choice in few] == [False]
    assert [choice.value for choice in many] == [True, 6]


def test_images_that_are_seen_often_are_varied_more() -> None:
    assert not augment_choices(100)
    assert [choice.key for choice in augment_choices(300)] == ["Train.augment.scale_jitter"]
    assert len(augment_choices(1000)) == 2


@pytest.mark.parametrize(("images", "probability"), [(2000, 0.15), (10, 0.5)])
def test_colours_change_more_where_images_are_seen_often(images: int, probability: float) -> None:
    (colours,) = (
        one
        for one in semantic_values(replace(DATA, train_images=images))["Train.transforms"]
        if one["type"] == "RandomDistort"
    )
    assert colours["brightness_prob"] == probability
    assert colours["hue_prob"] == 0, "PaddleSeg's default changes the hue of half of the images"


def test_measurements_take_a_tenth_of_the_time() -> None:
    budget = Budget(CPU, COST)
    assert budget.measurements(Validation(1, 0.01)) == 12
    assert budget.measurements(Validation(12, 15.0)) == 5
    middle = budget.measurements(Validation(12, 3.0))
    assert 5 < middle < 12
    assert middle * 3.0 * 0.4 * 5.0 == pytest.approx(0.1 * budget.usable(), rel=0.15)


def test_costly_measurements_are_fewer() -> None:
    """An untrained network finds a thousand objects per image; a short training would measure more than it learns."""
    budget = Budget(CPU, replace(COST, seconds_per_val_image=4.0))
    assert budget.measurements(Validation(12, 3.0)) == int(0.4 * budget.usable() / 48)
    assert budget.measurements(Validation(100, 3.0)) == 1

    short = Means("cpu", 40.0, on_request=True)
    plan = instance.plan_instance(DATA, short, replace(COST, seconds_per_val_image=1.0), {})
    values = plan.values()
    assert values["Train.eval_interval"] == values["Train.epochs_iters"], "it is measured once, at the end"
    assert plan.seconds is not None and plan.seconds < 60


def test_batches_that_are_added_up_count_as_one_step() -> None:
    once, twice = (semantic_values(accumulate=count)["Train.epochs_iters"] for count in (1, 2))
    assert twice == pytest.approx(once / 2, rel=0.02)


LARGE = replace(COST, seconds_per_mpx=4.5, seconds_per_val_image=1.0, spent=20.0)


@pytest.mark.parametrize("task", [Task.INSTANCE, Task.SEMANTIC])
def test_a_time_asked_for_is_kept_by_a_large_network_and_said_to_be_short(task: Task) -> None:
    """Twenty steps of 8 images of 640 px take 295 s alone."""

    def planned(seconds: float) -> Plan:
        means = Means("cpu", seconds, on_request=True)
        return plan_by_recipe(DATA, means, LARGE, task=task, step_mpx=8 * 0.41, taken={"Train.batch_size": 8})

    plan = planned(240.0)
    assert plan.seconds is not None and 120 < plan.seconds <= 240
    short = plan.short
    assert short is not None and short.steps < short.wanted
    enough = planned(short.enough)
    assert enough.short is None, "the remedy works"
    assert planned(0.8 * short.enough).short is not None, "and asks for no more than that"


def test_what_measuring_the_cost_took_is_no_longer_there() -> None:
    asked = Means("cpu", 600.0, on_request=True)
    before, after = (
        plan_by_recipe(DATA, asked, replace(LARGE, spent=spent), task=Task.SEMANTIC, step_mpx=0.1, taken={})
        for spent in (0.0, 100.0)
    )
    lost = before.values()["Train.epochs_iters"] - after.values()["Train.epochs_iters"]
    assert lost == pytest.approx(100.0 / (4.5 * 0.1), abs=1)
    assert after.seconds == pytest.approx(before.seconds, rel=0.01)


def test_the_time_of_a_small_network_suffices_unless_nothing_fits_into_it() -> None:
    for planner in (semantic.plan_semantic, instance.plan_instance):
        assert planner(DATA, Means("cpu", 120.0, on_request=True), COST, {}).short is None
        short = planner(DATA, Means("cpu", 10.0, on_request=True), COST, {}).short
        assert short is not None
        assert planner(DATA, Means("cpu", short.enough, on_request=True), COST, {}).short is None
