"""Settings of the process, from the environment: one that matters, ``DRIPLINE_DB``."""

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

DEFAULT_DB = "sqlite:///dripline.db"


class Settings(BaseSettings):
    """What a process is told from outside; everything else lives in the workspace."""

    model_config = SettingsConfigDict(env_prefix="DRIPLINE_", extra="ignore", frozen=True)

    db: str = Field(DEFAULT_DB, description="Database: sqlite:///FILE or postgresql+psycopg://USER@HOST/NAME.")
    base_url: str = Field("http://127.0.0.1:8000", description="Public address of this server, for links in messages.")
    secret: str = Field("", description="Key that signs links; made once and kept in the database when empty.")
    smtp_url: str = Field(
        "", description="Mail server, smtp://USER:PASSWORD@HOST:PORT or smtps://…; empty: the built-in inbox."
    )
    mail_from: str = Field("Dripline <no-reply@localhost>", description="Sender of mail whose node names none.")
    log_level: str = Field("INFO", description="Lowest level that is logged.")
