"""Send a short message."""

from engine.contract.bases import Messaging, TextConfig
from engine.contract.wording import both, quoted
from engine.terms import Text


class SendSmsConfig(TextConfig):
    """What the message says: its own words, or a template from the library."""


class SendSms(Messaging[SendSmsConfig]):
    """Send a short message to the contact's phone; in quiet hours the contact rests here until they end."""

    kind = "send.sms"
    title = both("SMS", "发送短信")
    channel = "sms"
    examples = ({"text": "Hello {{ contact.name }}, your trial ends in 3 days."}, {"template": "trial-end-sms"})

    def summary(self, config: SendSmsConfig) -> Text:
        words = quoted(config.text if config.text is not None else config.template)
        return both(f"SMS: {words['en']}", f"短信 · {words['zh-CN']}")
