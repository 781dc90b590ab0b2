"""All detectors. Adding one is one file, one line here, one test file.

Names are Presidio's where it has one. Secrets, which it does not name, are called vendor and kind:

=================  ==================================================================
CREDIT_CARD        Presidio's
US_SSN             Presidio's
EMAIL_ADDRESS      Presidio's
AWS_ACCESS_KEY     access key ids of AWS
GITHUB_TOKEN       tokens of GitHub
OPENAI_KEY         keys in OpenAI's form, ``sk-…``
SLACK_TOKEN        tokens of Slack
STRIPE_KEY         secret keys of Stripe
GCP_KEY            keys, client secrets and access tokens of Google Cloud
JWT                tokens of any issuer
PRIVATE_KEY        private keys in PEM
=================  ==================================================================
"""

from extproc.detectors.aws_access_key import AWS_ACCESS_KEY
from extproc.detectors.credit_card import CREDIT_CARD
from extproc.detectors.detector import Detector
from extproc.detectors.email_address import EMAIL_ADDRESS
from extproc.detectors.gcp_key import GCP_KEY
from extproc.detectors.github_token import GITHUB_TOKEN
from extproc.detectors.jwt import JWT
from extproc.detectors.openai_key import OPENAI_KEY
from extproc.detectors.private_key import PRIVATE_KEY
from extproc.detectors.slack_token import SLACK_TOKEN
from extproc.detectors.stripe_key import STRIPE_KEY
from extproc.detectors.us_ssn import US_SSN, US_SSN_BARE

CATALOGUE: tuple[Detector, ...] = (
    CREDIT_CARD,
    US_SSN,
    US_SSN_BARE,
    EMAIL_ADDRESS,
    AWS_ACCESS_KEY,
    GITHUB_TOKEN,
    OPENAI_KEY,
    SLACK_TOKEN,
    STRIPE_KEY,
    GCP_KEY,
    JWT,
    PRIVATE_KEY,
)
