"""Fetch a file of a dataset from the Hugging Face hub, or say in one sentence why it cannot be had."""

from __future__ import annotations

import socket
import urllib.request
from typing import Final
from urllib.parse import urlsplit

from huggingface_hub import constants, hf_hub_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from sah_core.errors import ConfigError

__all__ = ["fetched"]

_HTTP_ERROR: Final[type[Exception]] = HfHubHTTPError.__bases__[0]
"""Of the HTTP client, requests or httpx, which differs between versions of huggingface_hub."""
_PATIENCE: Final = 5  # seconds


def fetched(repository: str, name: str, revision: str | None, advice: str) -> str:
    """Where the file of a dataset lies on this machine: in the hub's cache, after it was fetched where it was not.

    ``advice`` ends every error: what to do without the hub. Raises ConfigError where the file cannot be had.
    """
    try:
        return hf_hub_download(
            repository, name, repo_type="dataset", revision=revision, local_files_only=not _hub_within_reach()
        )
    except LocalEntryNotFoundError as error:
        cause = f"did not give it ({_one_line(error.__cause__)})" if error.__cause__ else "is out of reach"
        reason = f"the Hugging Face hub {cause}, and its cache does not have the file"
        raise _error(repository, name, reason, advice) from error
    except GatedRepoError as error:
        reason = "its authors ask to accept terms on the dataset's page first, and to log in with `hf auth login`"
        raise _error(repository, name, reason, advice) from error
    except (RepositoryNotFoundError, RevisionNotFoundError) as error:
        what = "dataset" if isinstance(error, RepositoryNotFoundError) else f"revision {revision!r}"
        raise _error(repository, name, f"the hub knows no such {what}", advice) from error
    except EntryNotFoundError as error:
        raise _error(repository, name, "the dataset has no such file", advice) from error
    except (_HTTP_ERROR, OSError, RuntimeError, ValueError) as error:
        # RuntimeError: hf_xet's, of a download that broke off; ValueError: a package that the environment asks for
        raise _error(repository, name, _one_line(error), advice) from error


def _error(repository: str, name: str, reason: str, advice: str) -> ConfigError:
    return ConfigError(f"{name} of {repository} cannot be fetched: {reason}; {advice}")


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]


def _hub_within_reach() -> bool:
    """Whether asking the hub is worth while: without a network it would retry for half a minute."""
    if constants.HF_HUB_OFFLINE:
        return False
    endpoint = urlsplit(constants.ENDPOINT)
    if endpoint.scheme in urllib.request.getproxies():
        return True
    try:
        address = str(endpoint.hostname), endpoint.port or (80 if endpoint.scheme == "http" else 443)
        socket.create_connection(address, timeout=_PATIENCE).close()
    except OSError:
        return False
    return True
