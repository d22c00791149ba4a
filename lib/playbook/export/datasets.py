"""The real data a package ships: handwritten digits, wines, diabetes patients, split once and for all by a seed."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from playbook.errors import ModelError
from playbook.export.preprocessing import resize_bilinear

HELD_OUT_SHARE = 0.25
WINE_FEATURES = (
    *("alcohol", "malic_acid", "ash", "alcalinity_of_ash", "magnesium", "total_phenols", "flavanoids"),
    *("nonflavanoid_phenols", "proanthocyanins", "color_intensity", "hue", "od280_od315", "proline"),
)
DIABETES_FEATURES = ("age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6")


@dataclass(frozen=True)
class Split:
    """Rows to train on and rows the model never sees; axis 0 is the row."""

    train_x: np.ndarray
    train_y: np.ndarray
    test_x: np.ndarray
    test_y: np.ndarray


def digits(seed: int) -> Split:
    """1,797 handwritten digits as uint8 pixels (n, 28, 28) and labels 0..9.

    Source: scikit-learn's copy of the UCI "Optical Recognition of Handwritten Digits" test set, 8 × 8 at 0..16.
    """
    table = _table("digits.csv.gz")
    small = table[:, :-1].reshape(-1, 8, 8) * (255 / 16)
    return _split(np.rint(resize_bilinear(small)).astype(np.uint8), table[:, -1].astype(np.int64), seed)


def wine(seed: int) -> Split:
    """178 wines: 13 measurements (n, 13) float32 and the grower 0..2. Source: UCI "Wine", by scikit-learn."""
    table = _table("wine_data.csv", skip=1)
    return _split(table[:, :-1].astype(np.float32), table[:, -1].astype(np.int64), seed)


def diabetes(seed: int) -> Split:
    """442 patients: 10 measurements (n, 10) float32 and the progression a year later. Source: Efron et al. 2004."""
    return _split(
        _table("diabetes_data_raw.csv.gz", delimiter=None).astype(np.float32),
        _table("diabetes_target.csv.gz", delimiter=None).astype(np.float32),
        seed,
    )


def _table(name: str, delimiter: str | None = ",", skip: int = 0) -> np.ndarray:
    """Read a file of scikit-learn's data folder; importing scikit-learn itself would take 4 s."""
    package = importlib.util.find_spec("sklearn")
    folders = list(package.submodule_search_locations or []) if package else []
    path = Path(folders[0] if folders else "sklearn") / "datasets" / "data" / name
    if not path.exists():
        raise ModelError(f"The recipe's data {path} was expected and is not there. Install scikit-learn again.")
    return np.loadtxt(path, delimiter=delimiter, skiprows=skip)


def _split(x: np.ndarray, y: np.ndarray, seed: int) -> Split:
    order = np.random.default_rng(seed).permutation(len(x))
    held_out = int(len(x) * HELD_OUT_SHARE)
    test, train = order[:held_out], order[held_out:]
    return Split(x[train], y[train], x[test], y[test])
