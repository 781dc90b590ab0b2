"""All built-in detectors. To add one, write one file in ``entities``, one line here, and one test file.

Names are Presidio's where Presidio has one. It has no names for secrets: theirs consist of vendor and kind.

Tokens that their vendor gives a form of its own are rows of the tables in ``entities/tokens``.
"""

from extproc.detectors.detector import Detector
from extproc.detectors.entities.aws_access_key import AWS_ACCESS_KEY
from extproc.detectors.entities.aws_secret_key import aws_secret_key
from extproc.detectors.entities.command_password import COMMAND_PASSWORD
from extproc.detectors.entities.connection_string import CONNECTION_STRING
from extproc.detectors.entities.credit_card import CREDIT_CARD
from extproc.detectors.entities.crypto import CRYPTO
from extproc.detectors.entities.email_address import email_address
from extproc.detectors.entities.http_authorization import HTTP_AUTHORIZATION
from extproc.detectors.entities.iban_code import IBAN_CODE
from extproc.detectors.entities.ip_address import ip_address
from extproc.detectors.entities.jwt import JWT
from extproc.detectors.entities.kubernetes_secret import KUBERNETES_SECRET
from extproc.detectors.entities.labelled_key import LABELLED_KEY
from extproc.detectors.entities.mac_address import mac_address
from extproc.detectors.entities.marked_number import marked_numbers
from extproc.detectors.entities.named_number import named_numbers
from extproc.detectors.entities.named_value import named_values
from extproc.detectors.entities.national.detectors import national
from extproc.detectors.entities.one_time_code import ONE_TIME_CODE
from extproc.detectors.entities.openai_key import OPENAI_KEY
from extproc.detectors.entities.phone_number import PHONE_NUMBER, PHONE_NUMBER_WHOLE, phone_number_loose
from extproc.detectors.entities.private_key import PRIVATE_KEY
from extproc.detectors.entities.secret import secret
from extproc.detectors.entities.tokens.catalogue import TOKEN_DETECTORS
from extproc.detectors.entities.us_ssn import US_SSN
from extproc.detectors.entities.vendor_key import VENDOR_KEY
from extproc.detectors.vocabulary.vocabulary import Vocabulary, built_in


def catalogue(vocabulary: Vocabulary) -> tuple[Detector, ...]:
    """Return all built-in detectors; those that need words take them from a vocabulary."""
    return (
        CREDIT_CARD,
        US_SSN,
        email_address(vocabulary),
        PHONE_NUMBER,
        PHONE_NUMBER_WHOLE,
        phone_number_loose(vocabulary),
        IBAN_CODE,
        ip_address(vocabulary),
        mac_address(vocabulary),
        CRYPTO,
        *national(vocabulary),
        AWS_ACCESS_KEY,
        aws_secret_key(vocabulary),
        OPENAI_KEY,
        JWT,
        PRIVATE_KEY,
        CONNECTION_STRING,
        COMMAND_PASSWORD,
        HTTP_AUTHORIZATION,
        secret(vocabulary),
        *named_values(vocabulary),
        ONE_TIME_CODE,
        KUBERNETES_SECRET,
        *named_numbers(vocabulary),
        *marked_numbers(vocabulary),
        *TOKEN_DETECTORS,
        VENDOR_KEY,
        LABELLED_KEY,
    )


CATALOGUE: tuple[Detector, ...] = catalogue(built_in())
"""The built-in detectors with the built-in words."""
