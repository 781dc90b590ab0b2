"""Tokens of services for mail, messages, chat and social networks."""

import base64

from extproc.detectors.entities.tokens.token_form import Form, Token, filler, has_digit, is_mixed

HEX = "a1b2c3d4e5f6"


def _is_percent_encoded(text: str) -> bool:
    return "%" in text or is_mixed(text.lstrip("A"))


TOKENS: tuple[Token, ...] = (
    Token(
        "BREVO_KEY",
        "a key of Brevo (Sendinblue)",
        "xkeysib-" + filler(64, HEX) + "-" + filler(16),
        "developers.brevo.com/docs/getting-started",
        (Form(r"x(?:keysib|smtpsib)-", r"[0-9a-f]{64}-[A-Za-z0-9]{16}"),),
    ),
    Token(
        "DISCORD_TOKEN",
        "a token of a Discord bot, or the address of a webhook",
        base64.b64encode(b"123456789012345678").decode() + ".G1B2c3." + filler(38),
        "discord.com/developers/docs/reference",
        (
            Form(r"[MNO][\w-]{22,25}\.[\w-]{6}\.[\w-]{27}", r"[\w-]{0,15}", check=is_mixed),
            Form(r"mfa\.[\w-]{40}", r"[\w-]{30,60}"),
            Form(r"discord(?:app)?\.com/api/(?:v[0-9]{1,2}/)?webhooks/", r"[0-9]{17,20}/[\w-]{50,}", apart=False),
        ),
    ),
    Token(
        "FACEBOOK_TOKEN",
        "an access token of Meta: Facebook, Instagram, WhatsApp",
        "EAAB" + filler(160),
        "developers.facebook.com/docs/facebook-login/guides/access-tokens",
        (
            Form(r"EAA[A-Za-z0-9]{60}", r"[A-Za-z0-9]{20,}", check=is_mixed),
            Form(r"IGQ[A-Za-z0-9_-]{60}", r"[\w-]{40,}", check=is_mixed),
            Form(r"IGAA[A-Za-z0-9]{60}", r"[\w-]{20,}", check=is_mixed),
            Form(r"EAACEdEose0cBA", r"[A-Za-z0-9]+"),
        ),
    ),
    Token(
        "FIREBASE_KEY",
        "a server key of Firebase's messages",
        "AAAA" + filler(7) + ":APA91b" + filler(134),
        "firebase.google.com/docs/cloud-messaging/auth-server",
        (Form(r":APA91b", r"(?<=[\w-]{11}:APA91b)[\w-]{100,}", before=11),),
    ),
    Token(
        "KLAVIYO_KEY",
        "a private key of Klaviyo",
        "pk_" + filler(34, HEX),
        "developers.klaviyo.com/en/docs/authenticate_",
        (Form(r"pk_[0-9a-f]{34}"),),
    ),
    Token(
        "MAILCHIMP_KEY",
        "a key of Mailchimp or Mandrill",
        filler(32, HEX) + "-us12",
        "mailchimp.com/developer/marketing/guides/quick-start",
        (
            Form(r"[0-9a-f]-us[0-9]", r"(?<=[0-9a-f]{32}-us[0-9])[0-9]?", before=31),
            Form(r"md-[\w-]{22}", check=is_mixed),
        ),
    ),
    Token(
        "MAILGUN_KEY",
        "a key of Mailgun",
        "key-" + filler(32, HEX),
        "documentation.mailgun.com/docs/mailgun/api-reference/mg-auth",
        (
            Form(r"key-[0-9a-f]{8}", r"[0-9a-f]{24}"),
            Form(r"pubkey-[0-9a-f]{8}", r"[0-9a-f]{24}"),
            Form(
                r"[0-9a-f]-[0-9a-f]{8}-[0-9a-f]{8}", r"(?<=[0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8})(?!-)", before=31
            ),
        ),
    ),
    Token(
        "MAILERSEND_TOKEN",
        "a token of MailerSend",
        "mlsn." + filler(64, HEX),
        "developers.mailersend.com",
        (Form(r"mlsn\.", r"[0-9a-f]{60,}"),),
    ),
    Token(
        "RESEND_KEY",
        "a key of Resend",
        "re_" + filler(8) + "_" + filler(24),
        "resend.com/docs/api-reference/introduction",
        (Form(r"re_[A-Za-z0-9]{8}_", r"[A-Za-z0-9]{24}", check=has_digit),),
    ),
    Token(
        "SENDGRID_KEY",
        "a key of SendGrid",
        "SG." + filler(22) + "." + filler(43),
        "www.twilio.com/docs/sendgrid/ui/account-and-settings/api-keys",
        (Form(r"SG\.[\w-]{16}", r"[\w-]{0,16}\.[\w-]{16,64}"),),
    ),
    Token(
        "SLACK_TOKEN",
        "a token of Slack, of any kind",
        "xoxb-" + filler(24, "1234567890"),
        "docs.slack.dev/authentication/tokens",
        (
            Form(r"xox[abceoprsd](?:\.xox[abp])?-", r"[A-Za-z0-9%_-]{10,}[A-Za-z0-9+/%=]*", apart=False),
            Form(r"xapp-[0-9]-", r"[A-Za-z0-9-]{10,}", apart=False),
            Form(r"xwfp-", r"[A-Za-z0-9-]{20,}", apart=False),
        ),
    ),
    Token(
        "SLACK_WEBHOOK",
        "the address of an incoming webhook",
        "hooks.slack.com/services/T0AAAAAAA/B0AAAAAAA/" + filler(24),
        "docs.slack.dev/messaging/sending-messages-using-incoming-webhooks",
        (Form(r"hooks\.slack\.com/(?:services|workflows|triggers)/", r"[A-Za-z0-9_/-]{20,}", apart=False),),
    ),
    Token(
        "TEAMS_WEBHOOK",
        "the address of a webhook of Microsoft Teams, Google Chat, Zapier, Make or Tines",
        "example.webhook.office.com/webhookb2/" + filler(80),
        "learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors",
        (
            Form(r"\.office\.com/webhook(?:b2)?/", r"[\w@/-]{40,}", apart=False),
            Form(r"outlook\.office365\.com/webhook/", r"[\w@/-]{40,}", apart=False),
            Form(r"chat\.googleapis\.com/v1/spaces/", r"[\w-]+/messages\?[\w=&%-]{40,}", apart=False),
            Form(r"hooks\.zapier\.com/hooks/", r"catch/(?:[0-9]+/)?[a-z0-9]+/?", apart=False),
            Form(r"hook\.[a-z0-9.]{0,12}make\.com/", r"[a-z0-9]{24,}", apart=False),
            Form(r"\.tines\.(?:com|io)/webhook/", r"[a-z0-9]{16,}/[a-z0-9]{16,}", apart=False),
        ),
    ),
    Token(
        "TELEGRAM_TOKEN",
        "a token of a Telegram bot",
        "123456789:AA" + filler(33),
        "core.telegram.org/bots/features",
        (Form(r"[0-9]{6,10}:[A-Za-z0-9_-]{35}", r"(?![\w-])"),),
    ),
    Token(
        "TELNYX_KEY",
        "a key of Telnyx",
        "KEY" + filler(32, "A1B2C3D4E5F6") + "_" + filler(22),
        "developers.telnyx.com",
        (Form(r"KEY[0-9A-F]{32}_", r"[\w-]{22}"),),
    ),
    Token(
        "TWILIO_KEY",
        "an account or key of Twilio beside its name, or a key alone",
        "SK" + filler(32, HEX),
        "www.twilio.com/docs/iam/api-keys",
        (Form(r"SK[0-9a-f]{32}"),),
    ),
    Token(
        "X_TOKEN",
        "a bearer token of X (Twitter)",
        "A" * 21 + filler(30) + "%3D" + filler(50),
        "docs.x.com/fundamentals/authentication/oauth-2-0/bearer-tokens",
        (Form(r"AAAAAAAAAAAAAAAAAAAAA", r"[A-Za-z0-9%]{60,140}", check=_is_percent_encoded),),
    ),
    Token(
        "PUBNUB_KEY",
        "a key of PubNub",
        "sec-c-" + filler(48),
        "www.pubnub.com/docs/general/basics/initialize-pubnub",
        (
            Form(r"sec-c-", r"[A-Za-z0-9-]{36,}={0,2}"),
            Form(r"(?:pub|sub)-c-", r"[0-9a-z]{8}(?:-[0-9a-z]{4}){3}-[0-9a-z]{12}"),
        ),
    ),
    Token(
        "VOICEFLOW_KEY",
        "a key of Voiceflow",
        "VF.DM." + filler(24, HEX) + "." + filler(16),
        "docs.voiceflow.com",
        (Form(r"VF\.(?:DM\.|WS\.)?[0-9a-f]{16}", r"[0-9a-f]{8}\.[A-Za-z0-9]{16}"),),
    ),
)
