from keras_gc import experiments


def test_each_run_must_predict_and_only_plain_runs_count():
    rows = [
        {
            "setting": {"series": series},
            "seed": seed,
            "result": {"softmax_auroc": good, "logit_auroc": poor},
        }
        for series, seed, good, poor in (
            ("plain", 0, 0.9, 0.61),
            ("plain", 1, 0.8, 0.59),
            ("augment", 0, 0.1, 0.1),
        )
    ]
    softmax, logits = experiments.get("sensitivity").judge(rows)
    assert (softmax.outcome, logits.outcome) == (
        "reproduced", "not reproduced",
    )  # fmt: skip
    assert softmax.evidence == "AUROC 0.800 to 0.900"
