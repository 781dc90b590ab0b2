"""All kinds of tokens, and their detectors."""

from itertools import chain

from extproc.detectors.detector import Detector
from extproc.detectors.entities.tokens import ai, cloud, code, data, messaging, monitoring, payments, web_services
from extproc.detectors.entities.tokens.token_form import Token, detectors_of

TOKENS: tuple[Token, ...] = tuple(
    chain.from_iterable(
        each.TOKENS for each in (ai, cloud, code, data, messaging, monitoring, payments, web_services)
    )
)
TOKEN_DETECTORS: tuple[Detector, ...] = tuple(detectors_of(TOKENS))
