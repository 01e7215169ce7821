"""The rules that every masker keeps: each a function of a masker, inputs and the mask before, its docstring the rule.

`RULES` lists them all, with the maskers each is about. A check can be called on any tensors::

    check_only_visible_keys(masker, inputs, Mask.empty(inputs.shape))

and raises AssertionError, saying which cell is wrong, where the rule is broken.
"""

from __future__ import annotations

from sah_core.masker_config import MaskerConfig

from .composition import (
    check_before_a_draw_all_is_certain,
    check_full_stays_full,
    check_nothing_is_lost,
    check_only_visible_keys,
    check_selected_keys_are_certain,
    check_size_of_everything_selects_everything,
    check_something_is_selected,
    has_budget,
    has_size,
)
from .independence import (
    check_batch_rows_are_independent,
    check_global_generators_are_left_alone,
    check_inputs_are_not_written,
    check_kv_heads_are_independent_of_their_group,
    check_left_padding_changes_nothing,
    check_no_state_in_the_masker,
    check_permuted_keys_permute_the_mask,
    check_representation_does_not_matter,
    check_same_call_same_mask,
    check_tensors_stay_on_the_device,
    check_unwritten_cache_changes_nothing,
    shares_nothing,
)
from .numbers import (
    check_equal_keys_are_fine,
    check_huge_keys_are_fine,
    check_nan_in_padding_changes_nothing,
    check_other_precisions_work,
)
from .processes import (
    can_fork,
    check_config_survives_saving,
    check_masker_can_be_pickled,
    check_masker_serves_many_threads,
    check_masker_survives_a_fork,
)
from .randomness import check_another_seed_draws_differently, check_draws_are_unbiased, is_sampler
from .requests import (
    check_decoding_gives_the_last_row,
    check_drafts_may_be_rejected,
    check_keys_in_pieces_are_keys_at_once,
    check_question_again_same_mask,
    check_truncated_is_never_seen,
)
from .rule import Check, Rule

__all__ = ["RULES", "Check", "Rule"]


def _keeps_all(config: MaskerConfig) -> bool:
    return not config.refines


def _is_by_content(config: MaskerConfig) -> bool:
    return config.by_content


def _is_deterministic(config: MaskerConfig) -> bool:
    return not config.sampling


RULES: tuple[Rule, ...] = (
    # composition: what a masker may do to the mask before it
    Rule(check_only_visible_keys),
    Rule(check_nothing_is_lost, applies=_keeps_all),
    Rule(check_full_stays_full, applies=_keeps_all),
    Rule(check_selected_keys_are_certain, applies=_is_deterministic),
    Rule(check_before_a_draw_all_is_certain, applies=is_sampler),
    Rule(check_something_is_selected, applies=has_budget),
    Rule(check_size_of_everything_selects_everything, applies=has_size),
    # independence: what makes no difference
    Rule(check_inputs_are_not_written),
    Rule(check_representation_does_not_matter),
    Rule(check_same_call_same_mask),
    Rule(check_no_state_in_the_masker),
    Rule(check_batch_rows_are_independent),
    Rule(check_left_padding_changes_nothing),
    Rule(check_unwritten_cache_changes_nothing),
    Rule(check_kv_heads_are_independent_of_their_group, applies=shares_nothing),
    Rule(check_permuted_keys_permute_the_mask, applies=_is_by_content, one_example=True),
    Rule(check_tensors_stay_on_the_device),
    Rule(check_global_generators_are_left_alone),
    # requests: keys come in pieces, are cropped and asked about again
    Rule(check_decoding_gives_the_last_row),
    Rule(check_keys_in_pieces_are_keys_at_once),
    Rule(check_question_again_same_mask),
    Rule(check_truncated_is_never_seen),
    Rule(check_drafts_may_be_rejected),
    # numbers
    Rule(check_other_precisions_work),
    Rule(check_equal_keys_are_fine),
    Rule(check_huge_keys_are_fine),
    Rule(check_nan_in_padding_changes_nothing),
    # draws
    Rule(check_another_seed_draws_differently, applies=is_sampler, one_example=True),
    Rule(check_draws_are_unbiased, applies=is_sampler, one_example=True),
    # the masker as an object
    Rule(check_config_survives_saving),
    Rule(check_masker_can_be_pickled),
    Rule(check_masker_survives_a_fork, applies=can_fork, one_example=True),
    Rule(check_masker_serves_many_threads, one_example=True),
)
"""Every rule, in the order in which reports give them."""
