"""A mask under any sequence of operations, held against plain Python dictionaries."""

from itertools import pairwise

import torch
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from sah_core import Mask
from sah_core.mask import Shape
from sah_core.testing import mask_shapes, masks

Row = tuple[int, int, int]
Cells = dict[Row, dict[int, float]]


def cells_of(mask: Mask) -> Cells:
    """Every attended key of every row, read off the CSR form."""
    indptr, indices, probs = (part.tolist() for part in mask.to_csr())
    batch, heads, queries, _ = mask.shape
    rows = [(b, h, q) for b in range(batch) for h in range(heads) for q in range(queries)]
    spans = pairwise(indptr)
    return {row: dict(zip(indices[i:j], probs[i:j], strict=True)) for row, (i, j) in zip(rows, spans, strict=True)}


class MaskMachine(RuleBasedStateMachine):
    """The same operations on a Mask and on dictionaries; after each, both hold the same cells."""

    mask: Mask
    model: Cells

    @initialize(shape=mask_shapes(max_keys=5))
    def start(self, shape: Shape) -> None:
        batch, heads, queries, _ = shape
        self.mask = Mask.empty(shape)
        self.model = {(b, h, q): {} for b in range(batch) for h in range(heads) for q in range(queries)}

    @rule(data=st.data())
    def unite(self, data: st.DataObject) -> None:
        other = data.draw(masks(self.mask.shape))
        self.mask = self.mask | other
        for row, cells in cells_of(other).items():
            for key, prob in cells.items():
                self.model[row][key] = max(prob, self.model[row].get(key, 0.0))

    @rule()
    def promote(self) -> None:
        self.mask = self.mask.promote()
        self.model = {row: dict.fromkeys(cells, 1.0) for row, cells in self.model.items()}

    @rule()
    def keep_certain(self) -> None:
        self.mask = self.mask.certain()
        self.model = {row: {k: p for k, p in cells.items() if p == 1} for row, cells in self.model.items()}

    @rule(data=st.data())
    def restrict(self, data: st.DataObject) -> None:
        keys = self.mask.shape[3]
        seen = data.draw(st.lists(st.booleans(), min_size=keys, max_size=keys))
        self.mask = self.mask.restrict(torch.tensor(seen).reshape(1, 1, 1, keys))
        self.model = {row: {k: p for k, p in cells.items() if seen[k]} for row, cells in self.model.items()}

    @rule()
    def go_dense(self) -> None:
        self.mask = Mask.from_dense(self.mask.to_dense())

    @rule()
    def go_index(self) -> None:
        self.mask = Mask.from_indices(self.mask.shape, *self.mask.to_indices())

    @rule(data=st.data())
    def select_head(self, data: st.DataObject) -> None:
        head = data.draw(st.integers(0, self.mask.shape[1] - 1))
        self.mask = self.mask[:, head]
        self.model = {(b, 0, q): cells for (b, h, q), cells in self.model.items() if h == head}

    @invariant()
    def same_cells(self) -> None:
        assert cells_of(self.mask) == {row: dict(sorted(cells.items())) for row, cells in self.model.items()}
        assert self.mask.attended().sum() == sum(len(cells) for cells in self.model.values())


TestMaskMachine = MaskMachine.TestCase
