"""Training the weights: features of labelled texts in, one row of numbers for each feature and label out.

Owns the choice of models and their mixing. It must not know files or thresholds. Needs scikit-learn.

Three linear models of one kind of features are averaged: a support vector machine, logistic regression, and complement
naive Bayes, which makes up for what the others miss in rare words. Being linear, their mean is again one row of numbers
for each feature, and costs a reader nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from handlers.understanding.features import SIZES, Bag, square_of, word_features

LEAST_TEXTS = {"w": 2, "o": 1, "s": 1}  # texts in which a feature must occur, by its kind
LEAST_ELSE = 3
SEED = 20261125


def features_of(bag: Bag) -> dict[str, float]:
    """Features of a text with their sizes, of length one; signs stand beside and are not shortened."""
    sizes: dict[str, float] = {}
    square = bag.square + 1e-9
    for sounding in bag.words:
        features = word_features(sounding)
        square += square_of(features)
        for feature in features:
            sizes[feature] = sizes.get(feature, 0.0) + SIZES[feature[0]]
    sizes |= {feature: SIZES[feature[0]] for feature in bag.spelled()}
    length = square**0.5
    return {feature: size / length for feature, size in sizes.items()} | {f"s:{sign}": SIZES["s"] for sign in bag.signs}


@dataclass(slots=True)
class Vocabulary:
    """Features worth a row, in a fixed order."""

    at: dict[str, int]

    @classmethod
    def of(cls, texts: Sequence[Mapping[str, float]]) -> Vocabulary:
        """Features that occur in enough of the texts."""
        seen = Counter(feature for text in texts for feature in text)
        kept = sorted(feature for feature, many in seen.items() if many >= LEAST_TEXTS.get(feature[0], LEAST_ELSE))
        return cls({feature: place for place, feature in enumerate(kept)})

    def matrix(self, texts: Sequence[Mapping[str, float]]) -> Any:
        """A sparse matrix with a row for each text."""
        from scipy.sparse import csr_matrix

        data: list[float] = []
        rows: list[int] = []
        columns: list[int] = []
        for row, text in enumerate(texts):
            for feature, size in text.items():
                column = self.at.get(feature)
                if column is not None:
                    data.append(size)
                    rows.append(row)
                    columns.append(column)
        return csr_matrix((data, (rows, columns)), shape=(len(texts), len(self.at)))


@dataclass(frozen=True, slots=True)
class Linear:
    """A trained head: labels, an intercept for each, and a coefficient for each label and feature."""

    labels: list[str]
    bias: Any
    coefficients: Any

    def scores(self, matrix: Any) -> Any:
        """Scores of texts, a row each, in the order of the labels."""
        return matrix @ self.coefficients.T + self.bias


def _models(balanced: bool) -> Iterator[Any]:
    from sklearn.linear_model import SGDClassifier
    from sklearn.naive_bayes import ComplementNB
    from sklearn.svm import LinearSVC

    weighing = "balanced" if balanced else None
    yield LinearSVC(C=1.0, class_weight=weighing, random_state=SEED)
    yield SGDClassifier(loss="log_loss", alpha=3e-6, max_iter=40, class_weight=weighing, random_state=SEED)
    if balanced:
        yield ComplementNB(alpha=0.1)


def train(matrix: Any, labels: Sequence[str], weights: Sequence[float], *, balanced: bool) -> Linear:
    """Train one head. `balanced`: every label counts the same, however many texts it has."""
    import numpy as np

    names: list[str] = sorted(set(labels))
    bias = np.zeros(len(names))
    coefficients = np.zeros((len(names), matrix.shape[1]))
    models = list(_models(balanced))
    for model in models:
        model.fit(matrix, labels, sample_weight=np.asarray(weights))
        if hasattr(model, "coef_"):
            rows, start = model.coef_, model.intercept_
        else:
            rows, start = model.feature_log_prob_, np.zeros(len(names))
        scores = matrix @ rows.T + start
        size = float(np.mean(np.std(scores, axis=1)))  # the models' scores are brought to one size
        coefficients += rows / size / len(models)
        bias += (start - float(np.mean(scores))) / size / len(models)
    # What all labels share tells none apart, and would eat up the few steps of a packed row.
    return Linear(names, bias - bias.mean(), coefficients - coefficients.mean(axis=0))
