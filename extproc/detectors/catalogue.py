"""All detectors. Adding one is one file, one line here, one test file.

Names are Presidio's where it has one. Secrets, which it does not name, are called vendor and kind:

=================  ==================================================================
AWS_ACCESS_KEY     access key ids of AWS
AWS_SECRET_KEY     secret access keys of AWS, beside a telling name
CONNECTION_STRING  passwords in addresses, ``scheme://user:password@host``
GITHUB_TOKEN       tokens of GitHub
GITLAB_TOKEN       tokens of GitLab
OPENAI_KEY         keys in OpenAI's form, ``sk-…``
SLACK_TOKEN        tokens of Slack
SLACK_WEBHOOK      addresses of Slack's incoming webhooks
STRIPE_KEY         secret keys of Stripe
GCP_KEY            keys, client secrets and access tokens of Google Cloud
JWT                tokens of any issuer
PRIVATE_KEY        private keys in PEM
SECRET             what looks random beside a telling name: ``password``, ``api_key``, ``client_secret``…
=================  ==================================================================
"""

from extproc.detectors.detector import Detector
from extproc.detectors.entities.asia_pacific_numbers import AU_ABN, AU_TFN, IN_AADHAAR, SG_NRIC_FIN
from extproc.detectors.entities.aws_access_key import AWS_ACCESS_KEY
from extproc.detectors.entities.connection_string import CONNECTION_STRING
from extproc.detectors.entities.credit_card import CREDIT_CARD
from extproc.detectors.entities.crypto import CRYPTO
from extproc.detectors.entities.email_address import EMAIL_ADDRESS
from extproc.detectors.entities.european_numbers import (
    ES_NIF,
    FI_PERSONAL_IDENTITY_CODE,
    IT_FISCAL_CODE,
    PL_PESEL,
    UK_NHS,
)
from extproc.detectors.entities.gcp_key import GCP_KEY
from extproc.detectors.entities.github_token import GITHUB_TOKEN
from extproc.detectors.entities.gitlab_token import GITLAB_TOKEN
from extproc.detectors.entities.iban_code import IBAN_CODE
from extproc.detectors.entities.ip_address import IP_ADDRESS
from extproc.detectors.entities.jwt import JWT
from extproc.detectors.entities.openai_key import OPENAI_KEY
from extproc.detectors.entities.phone_number import PHONE_NUMBER, PHONE_NUMBER_LOOSE
from extproc.detectors.entities.private_key import PRIVATE_KEY
from extproc.detectors.entities.secrets import AWS_SECRET_KEY, SECRET
from extproc.detectors.entities.slack_token import SLACK_TOKEN
from extproc.detectors.entities.slack_webhook import SLACK_WEBHOOK
from extproc.detectors.entities.stripe_key import STRIPE_KEY
from extproc.detectors.entities.us_numbers import US_BANK_NUMBER, US_ITIN, US_PASSPORT
from extproc.detectors.entities.us_ssn import US_SSN, US_SSN_BARE

CATALOGUE: tuple[Detector, ...] = (
    CREDIT_CARD,
    US_SSN,
    US_SSN_BARE,
    EMAIL_ADDRESS,
    PHONE_NUMBER,
    PHONE_NUMBER_LOOSE,
    IBAN_CODE,
    IP_ADDRESS,
    CRYPTO,
    US_ITIN,
    US_BANK_NUMBER,
    US_PASSPORT,
    UK_NHS,
    ES_NIF,
    IT_FISCAL_CODE,
    PL_PESEL,
    FI_PERSONAL_IDENTITY_CODE,
    AU_ABN,
    AU_TFN,
    IN_AADHAAR,
    SG_NRIC_FIN,
    AWS_ACCESS_KEY,
    AWS_SECRET_KEY,
    GITHUB_TOKEN,
    GITLAB_TOKEN,
    OPENAI_KEY,
    SLACK_TOKEN,
    SLACK_WEBHOOK,
    STRIPE_KEY,
    GCP_KEY,
    JWT,
    PRIVATE_KEY,
    CONNECTION_STRING,
    SECRET,
)
