import json

import pytest

from keras_gc.experiments.summary import summary


def finished(folder, name, dataset, rho):
    folder.mkdir(parents=True)
    finding = {"part": f"{name}'s part", "rho": rho, "p_value": 0.0012}
    finding["outcome"] = "reproduced"
    (folder / "verdict.json").write_text(json.dumps({"findings": [finding]}))
    config = {"experiment": name, "dataset": dataset, "scale": "small"}
    config["seeds"] = [0, 1, 2]
    config["recipe"] = {"num_train": 4000} if dataset == "cifar10" else {}
    config["data_note"] = "re-encoded" if dataset == "cifar10" else None
    (folder / "config.json").write_text(json.dumps(config))


def test_each_finding_is_a_line_in_the_order_of_the_paper(tmp_path):
    finished(tmp_path / "mnist" / "explicit", "explicit", "mnist", -0.987)
    finished(tmp_path / "cifar" / "flatness", "flatness", "cifar10", None)
    finished(tmp_path / "mnist" / "flatness", "flatness", "mnist", -0.5)
    lines = summary(tmp_path).splitlines()[2:]
    assert [line.split(" | ")[1] for line in lines] == [
        "mnist", "cifar10 (4000, re-encoded)", "mnist",
    ]  # fmt: skip
    assert lines[1].split(" | ")[2] == "–"
    assert lines[2] == (
        "| explicit's part | mnist | -0.99 | 0.001 | reproduced | "
        "`keras-gc reproduce explicit --dataset mnist --scale small "
        "--seeds 3` |"
    )


def test_a_folder_without_verdicts_says_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match="keras-gc reproduce"):
        summary(tmp_path)


@pytest.mark.parametrize(
    "seeds, shown", [([0, 1], "2"), ([4, 7], "4,7"), ([4], "4,")]
)
def test_seeds_stand_as_the_command_takes_them(seeds, shown, tmp_path):
    folder = tmp_path / "explicit"
    finished(folder, "explicit", "mnist", None)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"seeds": seeds}))
    assert f"--seeds {shown}`" in summary(tmp_path)
