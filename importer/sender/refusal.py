"""An outcome that stops the run → the error that says what to do. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from importer.errors import ApiError, SendStoppedError
from importer.model import Verdict
from importer.sender.answer import Failure

if TYPE_CHECKING:
    from importer.model import Outcome

_REMEDIES: Final = {
    "http-401": "Check KEEN_API_KEY or the file that api.key_file names.",
    "http-402": "Ask Keen what restricts its project.",
    "http-405": "Check api.url.",
    "no-such-function": "Check api.url.",
    Failure.BAD_CERTIFICATE.value: "Check api.url, this computer's clock and its certificates; "
    "SSL_CERT_FILE can name a company's own.",
    Failure.UNSENDABLE.value: "Check api.url and the API key.",
}


def refusal(outcome: Outcome) -> ApiError | SendStoppedError:
    """Return what stops the run after an outcome whose `next` is STOP."""
    if outcome.verdict is Verdict.IN_DOUBT:
        remedy = "Check api.url; look at the row in Keen and settle it with `importer resolve`."
        return SendStoppedError(outcome.message, remedy, code=outcome.code)
    remedy = _REMEDIES.get(outcome.code, "Check api.url.")
    return ApiError(outcome.message, remedy, code=outcome.code)
