"""VENDOR_KEY: a key or token that has no form of its own, beside the name of its vendor."""

import re
from collections.abc import Iterator
from itertools import groupby

import hyperscan

from extproc.detectors.context import ends_with, name_endings, own_name
from extproc.detectors.databases import Expression
from extproc.detectors.detector import Detector, Ranges
from extproc.detectors.ends import Ends, matches_behind
from extproc.detectors.randomness import LEAST_ENTROPY, entropy

VENDORS = (
    "adafruit|adyen|airtable|alchemy|algolia|alibaba|aliyun|amplitude|asana|atlassian|auth0|azure|bamboohr|beamer"
    "|bitbucket|bitly|bittrex|braintree|brevo|bugsnag|buildkite|calendly|chargebee|circleci|clickup|cloudflare"
    "|cloudinary|codacy|codecov|cohere|coinbase|confluent|contentful|crowdin|datadog|deepgram|deepseek|digitalocean"
    "|discord|docusign|doppler|droneci|dropbox|dynatrace|elastic|etherscan|etsy|facebook|fastly|figma|finicity"
    "|finnhub|firebase|flickr|flutterwave|freshbooks|freshdesk|gitea|gitlab|gitter|gocardless|grafana|helpscout"
    "|heroku|hetzner|honeycomb|hubspot|huggingface|infura|instagram|intercom|ipinfo|jenkins|jfrog|artifactory|jira"
    "|jumpcloud|klaviyo|kraken|kucoin|launchdarkly|linkedin|linode|logdna|loggly|looker|mailchimp|mailgun|mandrill"
    "|mapbox|mattermost|messagebird|mistral|mixpanel|moralis|netlify|new_?relic|nexmo|nytimes|okta|onelogin|openai"
    "|opsgenie|pagerduty|papertrail|paypal|paystack|pendo|perplexity|pinecone|pipedrive|plaid|planetscale|plivo"
    "|postmark|pusher|quickbooks|rapidapi|razorpay|rollbar|salesforce|scaleway|segment_?write|sendbird|sendgrid|sendinblue|sentry"
    "|shodan|shopify|sidekiq|snyk|sonarcloud|sonarqube|sparkpost|splunk|spotify|squarespace|stripe|sumo_?logic"
    "|telegram|telnyx|travis|trello|twilio|twitch|twitter|typeform|unsplash|vercel|virustotal|vonage|vultr|wandb"
    "|webex|whatsapp|wakatime|yandex|zapier|zendesk|zoho|zoom"
    "|abstractapi|adobe|aftership|airbyte|anypoint|apilayer|appcenter|bitrise|braze|chargify|chartmogul|clearbit"
    "|clicksend|clockify|contentstack|coveralls|cronitor|crowdstrike|currencylayer|customerio|datocms|delighted"
    "|evernote|fauna|filestack|fivetran|formcraft|freeagent|fullstory|geocode|gumroad|hasura|imagekit|imgix|infobip"
    "|insightly|ipstack|iterable|jumio|knapsack|lemonsqueezy|loginradius|mailmodo|mapquest|metabase|moneybird"
    "|onesignal|opencage|parseur|paymo|pingdom|pipedream|positionstack|printful|prismic|pubnub|pushbullet|pushover"
    "|recurly|replyio|rocketreach|shipstation|simfin|smartsheet|snowflake|sslmate|statuspage|storyblok|sumsub|taxjar"
    "|textmagic|todoist|toggl|tomtom|uplead|uploadcare|uptimerobot|veriff|voiceflow|weatherstack|wrike|xero"
)
"""Names of which hardly one is a word of its own."""
_BY_LETTER = groupby(sorted(VENDORS.split("|")), key=lambda vendor: vendor[0])
NEAR = re.compile("|".join(f"{letter}(?:{'|'.join(each[1:] for each in names)})" for letter, names in _BY_LETTER))
"""Matches in small letters. ``re`` rules out most vendors by their first letter."""
NAMED = Ends([Expression(0, VENDORS.encode(), hyperscan.HS_FLAG_CASELESS)])
VALUE = re.compile(r"(?<![A-Za-z0-9/+_.~-])[A-Za-z0-9_+/-]{20,256}={0,2}(?![A-Za-z0-9/+_.~=-])")
KIND = name_endings("key|token|secret|pat|auth|password|pass|license|hec|credentials?|api")
ALONE = re.compile(rf"_*(?:{VENDORS})_*", re.IGNORECASE)
PUBLIC = re.compile(r"publi[cs]|site_?key|page|cursor|next|continu|sync|search_?key|measurement", re.IGNORECASE)
"""Parts of names of keys that browsers see, and of places in lists."""
WORDS = re.compile(r"(?:[a-z]{1,24}-)*[a-z]{2,24}-[0-9A-Za-z]")
"""The beginning of a resource's name: ``service-instance-f6138a1a…``."""
RESOURCE = re.compile(r"(?<![A-Za-z0-9])[acou]rn:[^\s\"']{0,200}\Z")
"""Stands before a part of a resource's name: ``orn:okta:00o5…:users``."""
RESOURCE_REACH = 160
UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
SAID = re.compile(
    r"(?:key|token|secret|password)[\"']?\s{0,3}(?::?=|=>|:|is)?\s{0,3}[\"'`]?\Z",
    re.IGNORECASE,
)
"""The word right before a value in a text."""
SAID_REACH = 24
BESIDE = re.compile(rf"(?<![A-Za-z0-9_-])(?:{VENDORS})[ \t]{{1,3}}[\"'`]?\Z", re.IGNORECASE)
DIGEST = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})")
REACH = 40
"""Characters before a value in which its vendor counts."""
LEAST_DIGITS = 2


def find(text: str, keys: str) -> Ranges:
    """Yield random text whose name says key or token, if a vendor is named with it."""
    vendor_above = NEAR.search(keys.lower()) is not None
    for match in VALUE.finditer(text) if vendor_above else _behind_vendors(text):
        at = match.start()
        if _is_random(match[0]) and (vendor_above or NEAR.search(text[max(0, at - REACH) : at].lower())):
            name = own_name(text, *match.span(), keys)
            if (
                not PUBLIC.search(name)
                and not RESOURCE.search(text, max(0, at - RESOURCE_REACH), at)
                and _says_key(name, match[0], text[max(0, at - SAID_REACH) : at])
            ):
                yield match.span()


def _behind_vendors(text: str) -> Iterator[re.Match[str]]:
    """Return the values that may have a vendor's name before them."""
    return matches_behind(sorted({end.at for end in NAMED(text) or ()}), REACH, VALUE, text)


def _is_random(value: str) -> bool:
    digits = sum(map(str.isdigit, value))
    return LEAST_DIGITS <= digits < len(value) and entropy(value) >= LEAST_ENTROPY


def _says_key(name: str, value: str, before: str) -> bool:
    """Return whether a name, or the text right before a value, says that it is a key.

    A vendor's name right before a value does so unless the value has a length of digests: ``sentry 2f3ab…``.
    """
    if SAID.search(before) or ends_with(KIND, name):
        return True
    if BESIDE.search(before):
        return DIGEST.fullmatch(value) is None and UUID.fullmatch(value) is None
    return ALONE.fullmatch(name) is not None and not UUID.fullmatch(value) and WORDS.match(value) is None


VENDOR_KEY = Detector(
    "VENDOR_KEY",
    (rb"[A-Za-z0-9_+/-]{20}",),
    20,
    find,
    hints=(VENDORS.encode(),),
    prefilter_shortest=20,
    common=True,
    meaning="20 random characters or more that are named key, token… of a vendor",
    example="3f8a9c1b" + "7d2e4f60" * 3,
    example_key="datadog_app_key",
    source="the vendors' pages",
)
