"""Text messages to phones, through a provider that the workspace's settings name."""

from engine.channels.provider import TextChannel


class SmsChannel(TextChannel):
    """Hand text messages to an SMS provider; one without an answer is in doubt and not repeated."""
