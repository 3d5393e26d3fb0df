"""The page of a comparison."""

from typing import TYPE_CHECKING

from keras_gc.reporting import text
from keras_gc.reporting.elements import (
    card,
    escape,
    fractions,
    listed,
    section,
    table,
)
from keras_gc.reporting.page import footer

if TYPE_CHECKING:
    from keras_gc.reporting.comparison import Comparison


def comparison_body(comparison: "Comparison") -> str:
    """Return what stands on the page of a comparison.

    Args:
        comparison: what it compares.

    Returns:
        HTML.
    """
    facts = comparison.facts
    best = comparison.ranking()[0]
    first = next(iter(facts.values()))
    return (
        f"<h1>{len(facts)} models compared</h1>"
        '<p class="lead">Geometric complexity: how much the outputs move with '
        f"the inputs. {escape(text.how(first))}</p>"
        '<div class="cards">'
        + card(
            escape(best), f"has the lowest {comparison.ranked_by}", main=True
        )
        + "</div>"
        + listed("warnings", "Warnings", _shared(facts, "warnings"))
        + f'<div class="grid">{_models(comparison)}{_layers(facts)}</div>'
        + footer(
            _shared(facts, "notes"), sum(one.seconds for one in facts.values())
        )
    )


def _shared(facts, field):
    """Return each sentence once, with the models that it is said of."""
    models = {}
    for name, one in facts.items():
        for sentence in getattr(one, field):
            models.setdefault(sentence, []).append(name)
    return [
        sentence
        if len(names) == len(facts)
        else f"{', '.join(names)}: {sentence}"
        for sentence, names in models.items()
    ]


def _models(comparison):
    names = comparison.ranking()
    facts = [comparison.facts[name] for name in names]
    rows = []
    bars = fractions([one.gc.value for one in facts])
    for place, (name, one, bar) in enumerate(
        zip(names, facts, bars, strict=True), start=1
    ):
        groups = {g.name: g.gc for g in one.groups if g.kind == "prediction"}
        embedding = one.embedding_gc
        rows.append((
            f"{place}. {name}",
            bar,
            text.mean(one.gc),
            text.number(one.gc_per_deviation),
            "–" if embedding is None else text.mean(embedding),
            "–" if one.accuracy is None else f"{one.accuracy:.1%}",
            *(
                text.mean(groups[which]) if which in groups else "–"
                for which in ("right", "wrong")
            ),
            text.number(one.margin_normalized_gc),
            text.number(one.lipschitz_lower_bound),
            text.number(one.spectral_bound),
        ))
    headings = (
        "model", "", "GC", "per deviation", "embedding GC", "accuracy",
        "right", "wrong", "GC / margin²", "Lipschitz ≥", "spectral ≤",
    )  # fmt: skip
    note = f"Ordered by {comparison.ranked_by}, the lowest first."
    return section("Side by side", table(headings, rows), note)


def _layers(facts):
    names = list(
        dict.fromkeys(
            layer.name for one in facts.values() for layer in one.layers
        )
    )
    values = {
        (model, layer.name): text.mean(layer.gc)
        for model, one in facts.items()
        for layer in one.layers
    }
    rows = [
        (name, *(values.get((model, name), "–") for model in facts))
        for name in names
    ]
    if not rows:
        return ""
    return section("GC of each layer's output", table(("layer", *facts), rows))
