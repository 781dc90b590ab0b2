"""Tokens of services for payments, shops and banking."""

from extproc.detectors.entities.tokens.token_form import (
    UUID,
    UUID_EXAMPLE,
    Form,
    Token,
    filler,
    has_digit,
    is_mixed,
)

HEX = "a1b2c3d4e5f6"
_MOST_UNDERSCORES = 3


def _is_no_name(text: str) -> bool:
    """Return whether a token is mixed, and not words with underscores between them."""
    return is_mixed(text) and text.count("_") <= _MOST_UNDERSCORES and text.lower() != text


TOKENS: tuple[Token, ...] = (
    Token(
        "ADYEN_KEY",
        "a key of Adyen",
        "AQE" + filler(80) + "==-" + filler(43) + "=-" + filler(16),
        "docs.adyen.com/development-resources/api-credentials",
        (
            Form(
                r"AQE[A-Za-z0-9+/]{32}",
                r"[A-Za-z0-9+/]{20,200}={0,2}-[A-Za-z0-9+/]{20,60}={0,2}-[^\s\"'<>\\]{8,32}",
            ),
        ),
    ),
    Token(
        "BRAINTREE_TOKEN",
        "an access token of Braintree or PayPal",
        "access_token$production$" + filler(16, "a1b2c3d4") + "$" + filler(32, HEX),
        "developer.paypal.com/braintree/docs/guides/extend",
        (Form(r"access_token\$", r"(?:production|sandbox)\$[0-9a-z]{16}\$[0-9a-f]{32}"),),
    ),
    Token(
        "CHECKOUT_KEY",
        "a secret key of Checkout.com",
        "sk_sbox_" + filler(28, "a1b2c3d4"),
        "www.checkout.com/docs/developer-resources/api/api-keys",
        (Form(r"sk_sbox_", r"[a-z0-9#$*=-]{20,}"), Form(r"sk_(?:test_)?[0-9a-f]{8}-", UUID[15:])),
    ),
    Token(
        "DUFFEL_TOKEN",
        "a token of Duffel",
        "duffel_live_" + filler(43),
        "duffel.com/docs/api/overview/making-requests/authentication",
        (Form(r"duffel_(?:test|live)_", r"[\w=-]{40,}"),),
    ),
    Token(
        "EASYPOST_KEY",
        "a key of EasyPost",
        "EZAK" + filler(54),
        "docs.easypost.com/docs/authentication",
        (Form(r"EZ[AT]K[A-Za-z0-9]{16}", r"[A-Za-z0-9]{38}"),),
    ),
    Token(
        "FLUTTERWAVE_KEY",
        "a secret or encryption key of Flutterwave",
        "FLWSECK-" + filler(32, HEX) + "-X",
        "developer.flutterwave.com/docs/authentication",
        (Form(r"FLWSECK(?:_TEST)?-?", r"[A-Za-z0-9]{12,40}(?:-X)?"),),
    ),
    Token(
        "GOCARDLESS_TOKEN",
        "a token of GoCardless, Mollie or Lob",
        "live_" + filler(40),
        "developer.gocardless.com/api-reference",
        (
            Form(r"(?:live|sandbox)_[A-Za-z0-9_=-]{38}", r"[\w=-]{2,6}", check=_is_no_name),
            Form(r"(?:live|test)_[A-Za-z0-9]{30}", check=is_mixed),
            Form(r"(?:live|test)_[0-9a-f]{35}"),
        ),
    ),
    Token(
        "PADDLE_KEY",
        "a key of Paddle",
        "pdl_live_apikey_" + filler(26, "a1b2c3d4") + "_" + filler(22) + "_" + filler(3),
        "developer.paddle.com/api-reference/about/api-keys",
        (
            Form(r"pdl_(?:live|sdbx)_apikey_", r"[a-z0-9]{26}_[A-Za-z0-9]{22}_[A-Za-z0-9]{3}"),
            Form(r"pdl_ntfset_", r"[a-z0-9]{26}_[\w+/]{32}"),
        ),
    ),
    Token(
        "PAYPAL_TOKEN",
        "an access token of PayPal",
        "A21AA" + filler(92),
        "developer.paypal.com/api/rest/authentication",
        (Form(r"A21AA[\w-]{32}", r"[\w-]{30,}", check=is_mixed),),
    ),
    Token(
        "PLAID_TOKEN",
        "an access token of Plaid",
        "access-sandbox-" + UUID_EXAMPLE,
        "plaid.com/docs/api/tokens",
        (Form(r"access-(?:sandbox|development|production)-", UUID),),
    ),
    Token(
        "RAZORPAY_KEY",
        "a key of Razorpay",
        "rzp_live_" + filler(14),
        "razorpay.com/docs/payments/dashboard/account-settings/api-keys",
        (Form(r"rzp_(?:live|test)_", r"[A-Za-z0-9]{14,24}"),),
    ),
    Token(
        "SHIPPO_TOKEN",
        "a token of Shippo",
        "shippo_live_" + filler(40, HEX),
        "docs.goshippo.com/docs/guides_general/authentication",
        (Form(r"shippo_(?:live|test)_", r"[0-9a-fA-F]{40}"),),
    ),
    Token(
        "SHOPIFY_TOKEN",
        "a token or shared secret of Shopify",
        "shpat_" + filler(32, HEX),
        "shopify.dev/docs/apps/build/authentication-authorization",
        (Form(r"shp(?:at|ca|pa|ss|ua|tka|rka|it|ka)_", r"[0-9a-zA-Z]{32,40}"),),
    ),
    Token(
        "PAGARME_KEY",
        "a key of Pagar.me",
        "ak_live_" + filler(30),
        "docs.pagar.me",
        (Form(r"[ae]k_(?:live|test)_", r"[A-Za-z0-9]{30}", check=has_digit),),
    ),
    Token(
        "SQUARE_TOKEN",
        "an access token or secret of Square",
        "sq0csp-" + filler(43),
        "developer.squareup.com/docs/build-basics/access-tokens",
        (Form(r"sq0(?:atp|csp|acp)-", r"[\w-]{22,60}"), Form(r"EAAA[\w-]{28}", r"[\w-]{32,36}", check=is_mixed)),
    ),
    Token(
        "STRIPE_KEY",
        "a secret or restricted key of Stripe, or of who took over the form, or a webhook's secret",
        "sk_live_" + filler(24),
        "docs.stripe.com/keys",
        (
            Form(r"[rs]k_(?:org_)?(?:live|test|prod)_", r"[A-Za-z0-9]{10,}", apart=False),
            Form(r"whsec_", r"[A-Za-z0-9+/=]{24,}", apart=False),
            Form(
                r"(?:pi|seti|src|cs)_(?:live_|test_)?[A-Za-z0-9]{8}", r"[A-Za-z0-9]{4,80}_secret_[A-Za-z0-9]{10,}"
            ),
        ),
    ),
)
