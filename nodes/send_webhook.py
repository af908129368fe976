"""Call a web address."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from engine.contract.bases import Acting
from engine.contract.fields import TemplateLine, TemplateValue, UrlText
from engine.contract.node import Family, NodeConfig
from engine.contract.wave import Wave
from engine.contract.wording import both, short
from engine.terms import Text

Method = Annotated[
    Literal["POST", "GET", "PUT", "PATCH", "DELETE"],
    BeforeValidator(lambda word: word.upper() if isinstance(word, str) else word),
]


class SendWebhookConfig(NodeConfig):
    """What is called and with what."""

    url: UrlText = Field(title="URL", description="Address to call; may hold variables of the contact.")
    method: Method = Field("POST", title="Method", description="HTTP method.")
    headers: dict[str, TemplateLine] = Field({}, title="Headers", description="HTTP headers; values may be templates.")
    body: TemplateValue | None = Field(
        None, title="Body", description="Text or JSON to send; texts in it may be templates."
    )


class SendWebhook(Acting[SendWebhookConfig]):
    """Call a web address about every contact; it needs no consent and keeps no quiet hours."""

    kind = "send.webhook"
    family = Family.SEND
    title = both("Webhook", "调用 Webhook")
    channel = "webhook"
    examples = (
        {"url": "https://crm.example.com/hooks/mql"},
        {
            "url": "https://crm.example.com/contacts/{{ contact.id }}",
            "method": "PUT",
            "headers": {"Authorization": "Bearer example"},
            "body": {"stage": "mql", "email": "{{ contact.email }}"},
        },
    )

    def summary(self, config: SendWebhookConfig) -> Text:
        return f"{config.method} {short(config.url, 'en', 80)}"

    def act(self, wave: Wave, config: SendWebhookConfig) -> None:
        wave.send(wave.all, channel="webhook")
