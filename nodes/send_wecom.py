"""Send a WeCom message."""

from engine.contract.bases import Messaging, TextConfig
from engine.contract.wording import both, quoted
from engine.terms import Text


class SendWecomConfig(TextConfig):
    """What the message says: its own words, or a template from the library."""


class SendWecom(Messaging[SendWecomConfig]):
    """Send a message by WeCom; in quiet hours the contact rests here until they end."""

    kind = "send.wecom"
    title = both("WeCom", "发送企业微信")
    channel = "wecom"
    examples = ({"text": "Hello {{ contact.name }}, here is the recording."}, {"template": "webinar-recording"})

    def summary(self, config: SendWecomConfig) -> Text:
        words = quoted(config.text if config.text is not None else config.template)
        return both(f"WeCom: {words['en']}", f"企业微信 · {words['zh-CN']}")
