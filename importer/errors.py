"""What stops a run, and the exit code that each stop means. Pure.

ImporterError
├── UsageError            2   wrong option, no such file, no such sheet
│   └── ConfigError       2   the configuration cannot be used
├── SourceError           6   the file cannot be trusted
├── GuardError            6   a guard forbids to send this file
├── LedgerError           6   the ledger cannot be used (before anything is sent)
│   └── LedgerWriteError  5   the ledger could not store something while sending
├── ApiError              7   the API refused the key or the call itself
├── ApiUnavailableError   5   the API is evidently down
├── SendStoppedError      5   the run stopped itself by a limit; doubts make it exit code 4
├── WorkspaceBusyError   11   another run holds the workspace
├── OutputError           1   standard output cannot be written
└── ResultsError          1   the results could not be proven or written; the ledger is whole
"""

from __future__ import annotations

import enum


class ExitCode(enum.IntEnum):
    """The exit codes of every command; scripts rely on them."""

    OK = 0
    UNEXPECTED = 1
    USAGE = 2
    NEEDS_FIXING = 3
    IN_DOUBT = 4
    STOPPED_EARLY = 5
    REFUSED = 6
    API_REFUSED = 7
    WORKSPACE_BUSY = 11
    SIGINT = 130
    SIGTERM = 143


class ImporterError(Exception):
    """Something a user can cause or cure: one sentence that says what happened, one what to do."""

    exit_code = ExitCode.UNEXPECTED

    def __init__(self, message: str, remedy: str = "", *, code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy
        self.code = code
        """Kebab-case, where scripts may want to tell one cause from another."""

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class UsageError(ImporterError):
    """The command line asks for something that is not there."""

    exit_code = ExitCode.USAGE


class ConfigError(UsageError):
    """The configuration cannot be used."""


class SourceError(ImporterError):
    """The input file cannot be trusted; nothing was sent."""

    exit_code = ExitCode.REFUSED


class GuardError(ImporterError):
    """A guard forbids to send this file; nothing was sent."""

    exit_code = ExitCode.REFUSED


class LedgerError(ImporterError):
    """The ledger cannot be used; nothing was sent."""

    exit_code = ExitCode.REFUSED


class LedgerWriteError(LedgerError):
    """The ledger could not store an intent or an outcome; the run stops."""

    exit_code = ExitCode.STOPPED_EARLY


class ApiError(ImporterError):
    """The API refused the key or the call itself; rows are left unsent."""

    exit_code = ExitCode.API_REFUSED


class ApiUnavailableError(ImporterError):
    """The API cannot be reached; rows are left unsent."""

    exit_code = ExitCode.STOPPED_EARLY


class SendStoppedError(ImporterError):
    """Too many rows failed or are in doubt; the run stopped itself, rows are left unsent."""

    exit_code = ExitCode.STOPPED_EARLY


class WorkspaceBusyError(ImporterError):
    """Another run holds the workspace."""

    exit_code = ExitCode.WORKSPACE_BUSY


class ResultsError(ImporterError):
    """The results could not be proven complete, or not be written. The ledger is whole."""


class OutputError(ImporterError):
    """Standard output cannot be written; what was sent and recorded stays so."""
