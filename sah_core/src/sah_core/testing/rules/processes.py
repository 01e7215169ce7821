"""Rules of a masker as an object: threads, forked processes, pickles, and its config on paper."""

from __future__ import annotations

import json
import multiprocessing
import pickle
import warnings
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import Any

import torch

from sah_core.composition import Masker
from sah_core.config import parse_masker
from sah_core.inputs import AttentionInputs
from sah_core.mask import Mask
from sah_core.masker_config import MaskerConfig
from sah_core.plugins import default_registry

from .same import require_same
from .variations import changed

__all__ = [
    "can_fork",
    "check_config_survives_saving",
    "check_masker_can_be_pickled",
    "check_masker_serves_many_threads",
    "check_masker_survives_a_fork",
]

THREADS = 8
ATTEMPTS, SECONDS = 3, 20


def check_config_survives_saving(masker: Masker, inputs: AttentionInputs, previous: Mask) -> None:
    """The config written as JSON and read again is equal, hashes equally, and its masker gives the same mask."""
    config: MaskerConfig = masker.config
    written = config.model_dump_json()
    read = type(config).model_validate_json(written)
    assert read == config, f"{written} was read as {read!r}, which is not {config!r}"
    assert hash(read) == hash(config), f"{config!r} has another hash after it was written and read"
    registry = default_registry()
    if config.kind in registry.kinds and registry.masker_config(config.kind) is type(config):
        parsed = parse_masker(json.loads(written))
        assert parsed == config, f"as an entry of a file's maskers {written} was read as {parsed!r}"
    again = type(masker)(read)  # type: ignore[call-arg]  # as create_masker makes it
    require_same(again.add_mask(inputs, previous), masker.add_mask(inputs, previous), "the config that was read")


def check_masker_can_be_pickled(masker: Masker, inputs: AttentionInputs, previous: Mask) -> None:
    """A masker that was pickled and read again has the same config and gives the same mask."""
    expected = masker.add_mask(inputs, previous)
    copy: Masker = pickle.loads(pickle.dumps(masker))
    assert copy.config == masker.config, f"the pickled masker's config is {copy.config!r}, not {masker.config!r}"
    assert copy.add_mask(inputs, previous) == expected, "the pickled masker gave another mask"


def check_masker_serves_many_threads(masker: Masker, inputs: AttentionInputs, previous: Mask) -> None:
    """Eight threads that share one masker get what each would get alone."""
    fresh: Masker = type(masker)(masker.config)  # type: ignore[call-arg]  # as create_masker makes it
    calls = [changed(inputs, seed=seed, keys=inputs.keys * (1 - 2 * (seed % 2))) for seed in range(2 * THREADS)]
    alone = [fresh.add_mask(changed(call), previous) for call in calls]
    shared: Masker = type(masker)(masker.config)  # type: ignore[call-arg]  # as create_masker makes it
    with ThreadPoolExecutor(THREADS) as pool:
        together = list(pool.map(lambda call: shared.add_mask(call, previous), calls))
    for found, expected in zip(together, alone, strict=True):
        require_same(found, expected, "among other threads the masker gave another mask")


def can_fork(config: MaskerConfig) -> bool:
    """Whether this system can fork a process."""
    return "fork" in multiprocessing.get_all_start_methods()


def check_masker_survives_a_fork(masker: Masker, inputs: AttentionInputs, previous: Mask) -> None:
    """A forked process, such as a data loader's or a server's worker, gets the mask that its parent gets."""
    expected = masker.add_mask(inputs, previous)
    call = changed(inputs, padding=inputs.padding)
    # A thread of the parent's that is just ending may hold a lock of the BLAS, which the child then waits for in vain.
    answers = (_answer_of_a_fork(masker, call, previous) for _ in range(ATTEMPTS))
    answer = next((found for found in answers if found is not None), "no answer in time")
    assert not isinstance(answer, str), f"a forked process gave no mask: {answer}"
    require_same(Mask.from_dense(torch.tensor(answer, device="cpu")), expected, "a forked process gave another mask")


def _answer_of_a_fork(masker: Masker, inputs: AttentionInputs, previous: Mask) -> list[Any] | str | None:
    """The mask as lists, a sentence on why there is none, or None where none came in time."""
    fork = multiprocessing.get_context("fork")
    receiver, sender = fork.Pipe(duplex=False)
    child = fork.Process(target=_answer, args=(sender, masker, inputs, previous))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python's, of forks where there are threads
        child.start()
    sender.close()
    try:
        return receiver.recv() if receiver.poll(SECONDS) else None
    except EOFError:
        return "it ended"
    finally:
        child.kill()
        child.join()


def _answer(sender: Connection, masker: Masker, inputs: AttentionInputs, previous: Mask) -> None:
    torch.set_num_threads(1)  # the parent's worker threads do not exist here
    try:
        sender.send(masker.add_mask(inputs, previous).to_dense("cpu").tolist())
    except Exception as error:  # noqa: BLE001 - whatever it was, the parent tells of it
        sender.send(f"{type(error).__name__}: {error}")
