"""Send an email."""

from collections.abc import Iterable
from typing import Self

from pydantic import Field, model_validator

from engine.contract.bases import MessageConfig, Messaging
from engine.contract.fields import HtmlText, SenderText, TemplateKey, TemplateText
from engine.contract.findings import Finding
from engine.contract.node import CheckView
from engine.contract.readers import Refused, is_templated, refuse
from engine.contract.wording import both, quoted
from engine.terms import Text


class SendEmailConfig(MessageConfig):
    """What the email says: its own words, or a template from the library."""

    subject: TemplateText | None = Field(
        None, title="Subject", description="Subject line; the template's own when absent."
    )
    html: HtmlText | None = Field(None, title="HTML", description="Body as HTML; the text part is made from it.")
    text: TemplateText | None = Field(None, title="Text", description="Body, or text part beside the HTML.")
    template: TemplateKey | None = Field(None, title="Template", description="Key of a template of the library.")
    from_: SenderText | None = Field(
        None, alias="from", title="From", description="Sender, `Name <address>`; the workspace's when absent."
    )

    @model_validator(mode="after")
    def _content(self) -> Self:
        own = self.html is not None or self.text is not None
        faults = []
        if self.template is not None and own:
            field = "html" if self.html is not None else "text"
            faults.append(
                Refused(field, "stands beside a template", "keep either the template or the email's own words")
            )
        if self.template is None and not own:
            faults.append(Refused("", "has no content", "give html, text or template"))
        if self.template is None and self.subject is None:
            faults.append(Refused("subject", "is missing", "give the email a subject"))
        if faults:
            raise refuse(faults)
        return self


class SendEmail(Messaging[SendEmailConfig]):
    """Send an email; in quiet hours the contact rests here until they end."""

    kind = "send.email"
    title = both("Email", "发送邮件")
    channel = "email"
    examples = (
        {"subject": "Welcome, {{ contact.name }}", "html": "<p>Hello {{ contact.name }}</p>"},
        {"template": "welcome", "topic": "onboarding", "late": "12h", "from": "Ann <ann@example.com>"},
    )

    def summary(self, config: SendEmailConfig) -> Text:
        words = quoted(config.subject if config.subject is not None else config.template)
        return both(f"Email: {words['en']}", f"邮件 · {words['zh-CN']}")

    def check(self, config: SendEmailConfig, view: CheckView) -> Iterable[Finding]:
        if config.from_ is not None and "@" not in config.from_ and not is_templated(config.from_):
            yield view.warning("email.from", "from", f"{config.from_!r} is no address", "write Name <name@example.com>")
